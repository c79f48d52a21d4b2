"""The images of the four services: what they are made of, how they are named, and how they are built where no registry answers."""
