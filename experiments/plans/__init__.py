"""What the pod-sized models would cost on slices of TPUs."""
