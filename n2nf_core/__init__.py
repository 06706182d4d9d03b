"""Camera-noise modelling without clean images: Noise2NoiseFlow in PyTorch."""
