#!/usr/bin/env bash
# Checks the engines on ARM without an ARM machine: a Debian's Node and XNNPACK run under qemu, and the bundled model is
# cut everywhere and compared with the other engines, which takes half an hour. It proves answers, and nothing about speed.
#   sudo apt-get install qemu-user-static; npm run build
#   scripts/try-arm.sh arm64|armhf [trixie|bookworm] [FOLDER]
# Node is always Debian 13's (Debian 12's is too old for Surgeon); the release is the library's.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
architecture=${1:-} release=${2:-trixie} folder=${3:-${XDG_CACHE_HOME:-$HOME/.cache}/surgeon/debian}
case $architecture in
  arm64) cpu=arm64 triplet=aarch64-linux-gnu emulator=qemu-aarch64 ;;
  armhf) cpu=arm triplet=arm-linux-gnueabihf emulator=qemu-arm ;;
  *) echo "try-arm: must be called as $0 arm64|armhf [trixie|bookworm] [FOLDER]" >&2; exit 1 ;;
esac
case $release in
  trixie) package=libxnnpack0.20241108 ;;
  bookworm) package=libxnnpack0 ;;
  *) echo "try-arm: release must be trixie or bookworm, current value is $release" >&2; exit 1 ;;
esac
[ -e "/proc/sys/fs/binfmt_misc/$emulator" ] || { echo "try-arm: $emulator is missing: apt-get install qemu-user-static" >&2; exit 1; }

"$here/scripts/debian-root.sh" trixie "$architecture" "$folder/node-$architecture" nodejs libatomic1
"$here/scripts/debian-root.sh" "$release" "$architecture" "$folder/xnnpack-$release-$architecture" "$package"
libraries=$folder/xnnpack-$release-$architecture/usr/lib/$triplet

# The product with the packages of that machine.
product=$folder/surgeon-$architecture
mkdir -p "$product"
rm -rf "$product/dist" && cp -a "$here"/{dist,models,package.json,package-lock.json} "$product/"
(cd "$product" && npm ci --omit=dev --ignore-scripts --cpu="$cpu" --os=linux --libc=glibc --silent)

# Of the library's release only what is its own: the C library is Node's.
only=$folder/only-$release-$architecture
mkdir -p "$only"
for library in XNNPACK pthreadpool cpuinfo; do cp -a "$libraries"/lib$library.so.* "$only/"; done

# XNNPACK and ONNX Runtime read /proc/cpuinfo, which under qemu is the host's: without an ARM in it the first finds no
# kernels and the second crashes. So they are shown one, in a mount namespace of their own.
if [ "$architecture" = arm64 ]; then
  features="fp asimd evtstrm crc32 cpuid" level=8
else
  features="half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae" level=7
fi
cat >"$folder/cpuinfo-$architecture" <<END
processor	: 0
Features	: $features
CPU implementer	: 0x41
CPU architecture: $level
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

END
# What is set up in the cache of this machine, such as TensorFlow, is not for that one.
surgeon() {
  XDG_CACHE_HOME="$folder/cache-$architecture" unshare --mount bash -c 'mount --bind "$1" /proc/cpuinfo && shift && exec "$@"' try-arm "$folder/cpuinfo-$architecture" \
    "$folder/node-$architecture/usr/bin/node" dist/cli/surgeon.js "$@"
}

cd "$product"
export QEMU_LD_PREFIX=$folder/node-$architecture
LD_LIBRARY_PATH=$only surgeon bench engines --parity --engines xnnpack --models mobilenetv2 --threads 1

cp -a "$here/photos" "$product/"
# The newer library computes in int8, too, with the digits of x64.
[ "$release" = bookworm ] ||
  LD_LIBRARY_PATH=$only surgeon infer photos/cat.jpg --model mobilenetv2 --engine xnnpack --precision int8
# And in fp16 on a processor that does, as a Pi 5's.
[ "$release" = bookworm ] || [ "$architecture" = armhf ] ||
  QEMU_CPU=cortex-a76 LD_LIBRARY_PATH=$only surgeon infer photos/cat.jpg --model mobilenetv2 --engine xnnpack --precision fp16

# ONNX Runtime has no build for armhf.
[ "$architecture" = arm64 ] || exit 0
surgeon infer photos/cat.jpg --model mobilenetv2
