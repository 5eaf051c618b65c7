#!/usr/bin/env bash
# Unpacks packages of a Debian release, with what they need, into a folder: nothing is installed and the machine's own
# packages stay as they are. Debian's signatures are checked as always.
#   scripts/debian-root.sh trixie amd64 FOLDER libxnnpack0.20241108
set -euo pipefail

[ "$#" -ge 4 ] || { echo "debian-root: must be called as $0 RELEASE ARCHITECTURE FOLDER PACKAGE..." >&2; exit 1; }
release=$1 architecture=$2
mkdir -p "$3"
folder=$(cd "$3" && pwd)
shift 3
[ -e "$folder/complete" ] && [ "$(cat "$folder/complete")" = "$release $architecture $*" ] && exit 0

state=$folder/apt
mkdir -p "$state"/{lists/partial,cache/archives/partial}
: >"$state/status"
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [arch=$architecture signed-by=$keyring] $mirror $release main" >"$state/sources.list"
options=(
  -qq
  -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::trusted=/dev/null
  -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
  -o "Dir::Cache=$state/cache" -o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture"
  -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Languages=none
)
apt-get "${options[@]}" update
apt-get "${options[@]}" --download-only -y install "$@"
# Debian's own links: /lib is /usr/lib.
mkdir -p "$folder/usr/lib" "$folder/usr/lib64"
ln -sfn usr/lib "$folder/lib"
ln -sfn usr/lib64 "$folder/lib64"
for package in "$state"/cache/archives/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --keep-directory-symlink; done
rm -rf "$state"
echo "$release $architecture $*" >"$folder/complete"
