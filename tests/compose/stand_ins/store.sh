#!/bin/sh
# What the published image's entry point makes of the command `server`:
# https://github.com/seaweedfs/seaweedfs/blob/4.44/docker/entrypoint.sh
set -eu
shift
exec weed -logtostderr=true server -dir=/data -volume.max=0 -master.volumeSizeLimitMB=1024 "$@"
