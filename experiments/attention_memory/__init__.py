"""How much memory does the gradient of attention need?"""
