#!/usr/bin/env bash
# Runs both services under a real systemd: a Debian is made, boots in a container, and pi-setup.sh installs broker, agent
# and worker there; a photo is answered under the units' own sandbox, the configuration reloaded, a hanging agent started
# anew by the watchdog, the package updated, everything removed. Some ten minutes; the network is this machine's, whose
# ports 1883 and 8730 must be free.
#   sudo apt-get install --no-install-recommends mmdebstrap systemd-container; npm run package
#   sudo scripts/try-systemd.sh [trixie|bookworm]
set -euo pipefail

fail() { echo "try-systemd: $*" >&2; exit 1; }
say() { echo "try-systemd: $*"; }

here=$(cd "$(dirname "$0")/.." && pwd)
release=${1:-trixie}
[ "$(id -u)" = 0 ] || fail "must run as root: sudo $0"
packages=("$here"/dnn-surgeon-*.tgz)
[ -e "${packages[0]}" ] || fail "there is no package: npm run package"

work=$(mktemp -d)
root=$work/root
booted=
end() {
  if [ -n "$booted" ]; then kill "$booted" && wait "$booted" || true; fi
  rm -rf "$work"
}
trap end EXIT

say "making a $release"
mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include=systemd,dbus,ca-certificates "$release" "$root" \
  "deb ${DEBIAN_MIRROR:-http://deb.debian.org/debian} $release main"
mkdir -p "$root/opt/checkout"
cp -r "$here/scripts" "$here/broker-config" "$here/photos" "${packages[0]}" "$root/opt/checkout/"
package=/opt/checkout/$(basename "${packages[0]}")

SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory "$root" --register=no --keep-unit --boot \
  --console=pipe --bind-ro=/etc/ssl/certs </dev/null >"$work/boot.log" 2>&1 &
booted=$!

inside() {
  local leader
  leader=$(pgrep -P "$booted" | head -n 1)
  nsenter --target "$leader" --mount --uts --ipc --pid --root --wd env -i HOME=/root TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ${NODE_EXTRA_CA_CERTS:+"NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS"} "$@"
}
# Waits for what a command says: until "text" COMMAND...
until_says() {
  local wanted=$1 said=''
  shift
  for _ in $(seq 120); do
    said=$(inside "$@" 2>&1) || true
    if [[ $said == *"$wanted"* ]]; then return; fi
    sleep 1
  done
  fail "$* did not say '$wanted', but: $said"
}
main_pid() { inside systemctl show --property MainPID --value surgeon-agent; }

until_says running systemctl is-system-running
inside bash /opt/checkout/scripts/pi-setup.sh --mosquitto --name pi-1 --package "$package"
inside bash /opt/checkout/scripts/pi-setup.sh --worker --name worker-1 --package "$package"
until_says 'a worker joined' journalctl --no-pager --unit surgeon-agent

say "asking"
inside surgeon send /opt/checkout/photos/cat.jpg --config /etc/surgeon/agent.yaml | tee "$work/answer"
grep -q cat "$work/answer" || fail "that is no answer"
inside systemd-analyze security --no-pager surgeon-agent surgeon-worker | grep 'exposure level' || true

say "reloading"
echo 'log: debug' >>"$root/etc/surgeon/agent.yaml"
inside systemctl reload surgeon-agent
until_says '{"changed":["log"]}' journalctl --no-pager --unit surgeon-agent

say "hanging"
hanging=$(main_pid)
inside bash -c "kill -STOP $hanging"
until_says 'Watchdog timeout' journalctl --no-pager
until_says active systemctl is-active surgeon-agent
[ "$(main_pid)" != "$hanging" ] || fail "the watchdog did not start it anew"

say "updating and removing"
inside bash /opt/checkout/scripts/pi-setup.sh --package "$package"
until_says cat surgeon send /opt/checkout/photos/cat.jpg --config /etc/surgeon/agent.yaml
inside bash /opt/checkout/scripts/pi-setup.sh --uninstall
[ ! -e "$root/opt/surgeon" ] || fail "something is left"
say "all as it should be on $release"
