"""The whole chain on one machine: the programs it needs, its ports, its processes under one supervisor."""
