"""What older Keras versions wrote, brought into the Keras 3 form."""
