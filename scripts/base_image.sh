#!/bin/sh
# usage: base_image.sh SUITE PYTHON FILE      for example: base_image.sh trixie 3.13 base.tar
#
# Makes FILE, a root file system that stands in for the official python:PYTHON-slim-SUITE image
# where no registry can be reached: to test this project's image there, never to release it. It is
# made of Debian's packages, so its Python is Debian's, and may be a patch release older; what else
# the image relies on is as in the official one: `python` in /usr/local/bin, pip, the standard
# library without compiled files, CA certificates.
#
# It needs mmdebstrap, and root or user namespaces. It installs nothing on this machine.
set -eu
[ $# = 3 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
suite=$1 python=python$2 file=$3

command -v mmdebstrap >/dev/null || {
  echo "base_image.sh: no mmdebstrap, which makes the stand-in for the base image: install it" >&2
  exit 1
}

# What the hooks below run: in "$1", the new root.
links="for name in python python3 $python; do ln -s /usr/bin/$python \"\$1/usr/local/bin/\$name\"; done"
pip="chroot \"\$1\" sh -c 'python -m zipfile -e /usr/share/python-wheels/pip-*.whl /usr/local/lib/$python/dist-packages'"
uncompiled='find "$1/usr/lib" "$1/usr/local" -name "*.pyc" -delete'
clean='rm -rf "$1"/var/lib/apt/lists/*_* "$1"/var/log/*.log "$1"/etc/resolv.conf "$1"/etc/hostname'

exec mmdebstrap --quiet --variant=minbase --format=tar \
  --include="$python,$python-venv,ca-certificates" \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="$links" --customize-hook="$pip" \
  --customize-hook="$uncompiled" --customize-hook="$clean" \
  "$suite" "$file"
