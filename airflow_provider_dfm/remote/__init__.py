"""Modules that run elsewhere: in the federation's own interpreter, or inside its jobs; shipped as source."""
