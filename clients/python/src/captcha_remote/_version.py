"""The version of this package: that of the server with which it is released."""

VERSION = "0.1.0"
