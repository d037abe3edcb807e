"""What a program for a microcontroller begins with."""
