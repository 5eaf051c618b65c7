#!/usr/bin/env bash
# Proves pi-setup.sh without a Pi: a fresh Debian for ARM, in which no systemd runs, is made and entered under qemu, and the
# script installs, updates and removes agent and worker there. They answer a picture with that processor's engine, by
# command and over MQTT. Nothing is said about speed. The made Debian is kept as FOLDER/RELEASE-ARCHITECTURE.tar.
#   sudo apt-get install --no-install-recommends mmdebstrap arch-test qemu-user-static iproute2; npm run package
#   sudo scripts/try-pi-setup.sh trixie|bookworm arm64|armhf|amd64 [FOLDER]
set -euo pipefail

fail() { echo "try-pi-setup: $*" >&2; exit 1; }
say() { echo "try-pi-setup: $*"; }

here=$(cd "$(dirname "$0")/.." && pwd)
release=${1:-} architecture=${2:-} folder=${3:-${XDG_CACHE_HOME:-$HOME/.cache}/surgeon/debian}
case $release in
  trixie | bookworm) ;;
  *) fail "must be called as $0 trixie|bookworm arm64|armhf|amd64 [FOLDER]" ;;
esac
# The engine that must answer; the processor of an ELF file (e_machine); what is shown as /proc/cpuinfo, which under qemu
# is the host's: without an ARM in it XNNPACK finds no kernels and ONNX Runtime crashes.
case $architecture in
  arm64) emulator=qemu-aarch64 engine=onnxruntime machine=183 features='fp asimd evtstrm crc32 cpuid' level=8 ;;
  armhf) emulator=qemu-arm engine=wasm machine=40 features='half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae' level=7 ;;
  amd64) emulator='' engine=onnxruntime machine=62 ;;
  *) fail "architecture must be arm64, armhf or amd64, current value is $architecture" ;;
esac
[ "$(id -u)" = 0 ] || fail "must run as root: sudo $0"
packages=("$here"/dnn-surgeon-*.tgz)
[ -e "${packages[0]}" ] || fail "there is no package: npm run package"

# Where systemd has not told the kernel of the emulator (a container), it is told here.
formats=/proc/sys/fs/binfmt_misc
if [ -n "$emulator" ] && [ ! -e "$formats/$emulator" ]; then
  [ -e "/usr/lib/binfmt.d/$emulator.conf" ] || fail "$emulator is missing: apt-get install qemu-user-static"
  [ -e "$formats/register" ] || mount -t binfmt_misc binfmt_misc "$formats"
  cat "/usr/lib/binfmt.d/$emulator.conf" >"$formats/register"
fi

debian=$folder/$release-$architecture.tar
if [ ! -e "$debian" ]; then
  say "making a $release for $architecture"
  mkdir -p "$folder"
  mmdebstrap --quiet --format=tar --arch="$architecture" --variant=minbase --dpkgopt=force-unsafe-io --include=ca-certificates \
    "$release" "$debian.new" "deb ${DEBIAN_MIRROR:-http://deb.debian.org/debian} $release main"
  mv "$debian.new" "$debian"
fi
work=$(mktemp -d)
# What failed is kept to be looked at.
trap 'if [ $? = 0 ]; then rm -rf "$work"; else say "what was made is left in $work"; fi' EXIT
root=$work/root
mkdir -p "$root/opt"
tar -C "$root" -xf "$debian"
cp /etc/resolv.conf "$root/etc/"
mkdir "$root/opt/checkout"
cp -r "$here/scripts" "$here/photos" "${packages[0]}" "$root/opt/checkout/"
package=/opt/checkout/$(basename "${packages[0]}")
if [ -n "$emulator" ]; then
  printf 'processor\t: 0\nFeatures\t: %s\nCPU implementer\t: 0x41\nCPU architecture: %s\nCPU part\t: 0xd08\n\n' \
    "$features" "$level" >"$work/cpuinfo"
else
  cp /proc/cpuinfo "$work/cpuinfo"
fi

# A command in that Debian. What it leaves running ends with it.
inside() {
  unshare --mount --pid --fork --kill-child bash -c '
    mount -t proc proc "$1/proc" && mount --bind "$2" "$1/proc/cpuinfo" && mount --bind /dev "$1/dev" && mount --rbind /sys "$1/sys"
    mount --bind -o ro /etc/ssl/certs "$1/etc/ssl/certs"
    exec chroot "$1" "${@:3}"' inside "$root" "$work/cpuinfo" \
    env -i HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${NODE_EXTRA_CA_CERTS:+"NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS"} "$@"
}
setup() { inside bash /opt/checkout/scripts/pi-setup.sh "$@" 2>&1 | tee "$work/said"; }
said() { grep -q -- "$1" "$work/said" || fail "it did not say '$1'"; }
there() { for path in "$@"; do [ -e "$root$path" ] || fail "$path is not there"; done; }
absent() { for path in "$@"; do [ ! -e "$root$path" ] || fail "$path is left"; done; }
# Surgeon's files, with size and mode.
listing() { (cd "$root" && find opt/surgeon* usr/local etc/surgeon etc/systemd -type f -printf '%p %s %m\n' | sort) >"$1"; }

inside sh -c '! command -v systemctl' >/dev/null || fail "systemd is here: nothing is shown of what to do without"

say "installing the agent"
setup --name pi-1 --broker mqtt://127.0.0.1:1883 --package "$package"
said 'systemd does not run here: surgeon-agent starts at the next boot once it is enabled'
said '/etc/surgeon/agent.yaml is valid'
there /etc/systemd/system/surgeon-agent.service /etc/surgeon/agent.yaml /var/lib/surgeon
[ "$(stat -c '%a' "$root/etc/surgeon/agent.yaml")" = 640 ] || fail "agent.yaml can be read by all"

# A Node of its own, where Debian's is too old, comes on top.
megabytes=$(du -sm --exclude='node-linux-*' "$root/opt/surgeon" | cut -f1)
[ "$megabytes" -le 200 ] || fail "$megabytes MB are installed beside Node, must be at most 200"
node=$(sed -n 's/^exec \([^ ]*\) .*/\1/p' "$root/usr/local/bin/surgeon")
inside "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "$node is too old"
# Debian's, unless it is too old.
if [ "$release" = trixie ] && [ "$node" != /usr/bin/node ]; then fail "Debian's Node would do, but $node runs"; fi
binaries=$(find "$root/opt/surgeon" -name '*.node' -o -name '*.so' -o -name '*.so.*')
for binary in $binaries; do
  found=$(od -An -j18 -N2 -tu2 "$binary" | tr -d ' ')
  [ "$found" = "$machine" ] || fail "$binary is for another processor ($found)"
done
say "$megabytes MB beside Node, $(du -sm "$root/opt/surgeon" | cut -f1) in all; Node $(inside "$node" --version) is $node"

say "answering a picture by command"
inside surgeon infer /opt/checkout/photos/cat.jpg --model mobilenetv2 --engine "$engine" | tee "$work/answer"
grep -q cat "$work/answer" || fail "that is no answer"

say "updating"
echo 'maxAccuracyLoss: 0.02 # of mine' >>"$root/etc/surgeon/agent.yaml"
listing "$work/installed"
touch "$root/opt/surgeon/stale" "$root/opt/surgeon/node_modules/dnn-surgeon/dist/stale.js"
setup --package "$package"
listing "$work/updated"
diff "$work/installed" "$work/updated" || fail "an update leaves something else"
grep -q 'of mine' "$root/etc/surgeon/agent.yaml" || fail "an update changes the configuration"

say "a package that is none, and a user who is not root"
echo none >"$root/opt/checkout/none.tgz"
if setup --package /opt/checkout/none.tgz; then fail "none.tgz was installed"; fi
said 'npm could not install /opt/checkout/none.tgz'
if setup --package /opt/checkout/absent.tgz; then fail "absent.tgz was installed"; fi
said 'there is no package /opt/checkout/absent.tgz'
if inside setpriv --reuid=nobody bash /opt/checkout/scripts/pi-setup.sh; then fail "nobody may install"; fi
rm "$root/opt/checkout/none.tgz"
listing "$work/after-failure"
diff "$work/installed" "$work/after-failure" || fail "a failure changes what runs"

say "installing a worker"
setup --worker --name worker-1 --broker mqtt://127.0.0.1:1883 --package "$package"
said '/etc/surgeon/worker.yaml is valid'
there /etc/systemd/system/surgeon-worker.service /etc/systemd/system/surgeon-agent.service

say "answering a picture over MQTT, as the services' user"
cat >"$root/opt/checkout/answer.sh" <<'END_OF_ANSWER'
run() { (cd /var/lib/surgeon && exec setpriv --reuid=surgeon --regid=surgeon --clear-groups env HOME=/var/lib/surgeon surgeon "$@"); }
wait_for() {
  for _ in $(seq 900); do
    if grep -q "$1" "$2"; then return; fi
    sleep 1
  done
  cat "$2"
  exit 1
}
run broker --port 1883 >/tmp/broker.log 2>&1 &
run worker --config /etc/surgeon/worker.yaml >/tmp/worker.log 2>&1 &
run agent --config /etc/surgeon/agent.yaml >/tmp/agent.log 2>&1 &
wait_for 'a worker joined' /tmp/agent.log
surgeon send /opt/checkout/photos/cat.jpg --config /etc/surgeon/agent.yaml
surgeon status --config /etc/surgeon/agent.yaml
END_OF_ANSWER
# In a network of its own: the ports of this machine stay free.
export -f inside
root=$root work=$work unshare --net bash -c 'ip link set lo up && inside bash /opt/checkout/answer.sh' | tee "$work/answer"
grep -q cat "$work/answer" || fail "that is no answer"
rm "$root/opt/checkout/answer.sh"

say "removing"
setup --uninstall
there /etc/surgeon/agent.yaml /etc/surgeon/worker.yaml /var/lib/surgeon
absent /opt/surgeon /opt/surgeon.new /opt/surgeon.old /usr/local/bin/surgeon /var/cache/surgeon
left=$(find "$root/etc/systemd" "$root/usr/local" -name '*surgeon*')
[ -z "$left" ] || fail "$left is left"
if grep -q surgeon "$root/etc/passwd"; then fail "the user is left"; fi
say "all as it should be on $release for $architecture: $megabytes MB beside Node, engine $engine"
