"""Does the method that `auto` stands for come close to the best one?"""
