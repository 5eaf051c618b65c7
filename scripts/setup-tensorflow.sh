#!/usr/bin/env bash
# Sets up engine `tensorflow` where npm could not install @tensorflow/tfjs-node, whose install script downloads from a
# host that many networks block. Needs package registries only (npm and PyPI): libtensorflow is taken out of the
# TensorFlow wheel and the Node binding is compiled against it.
#
# Kept in ${XDG_CACHE_HOME:-~/.cache}/surgeon/tfjs-node, outside the checkout, so that it is paid for once:
# 290 MB are downloaded, 0.9 GB stay on disk. Does nothing when it is there and works.
#   scripts/setup-tensorflow.sh [--force]
# Linux x64 and arm64; needs g++, python3 with pip, npm.
set -euo pipefail

# libtensorflow 2.18 breaks int32 `round` of this binding; these two pass TensorFlow.js's own tests of the backend.
tensorflow=2.16.2
tfjs=4.22.0
target=${XDG_CACHE_HOME:-$HOME/.cache}/surgeon/tfjs-node
stamp="tfjs-node $tfjs, libtensorflow $tensorflow, $(node -p 'process.arch'), recipe 1"

say() { echo "setup-tensorflow: $*"; }
fail() { echo "setup-tensorflow: $*" >&2; exit 1; }

# A matrix product: loads the binding and libtensorflow and runs a kernel.
works() {
  (cd "$1" && node -e "
    const util = require('util')
    util.isNullOrUndefined ??= (value) => value == null
    util.isArray ??= Array.isArray
    const tf = require('@tensorflow/tfjs-node')
    const [sum] = tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()
    process.exit(tf.getBackend() === 'tensorflow' && sum === 3 ? 0 : 1)") >/dev/null 2>&1
}

is_ready() { [ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ] && works "$target"; }

if [ "${1:-}" != --force ] && is_ready; then
  say "engine tensorflow is ready in $target"
  exit 0
fi

[ "$(uname -s)" = Linux ] || fail "libtensorflow can be taken from the wheel on Linux only, this is $(uname -s)"
case "$(node -p process.arch)" in
  x64) wheel=tensorflow-cpu==$tensorflow platform=x86_64 ;;
  arm64) wheel=tensorflow==$tensorflow platform=aarch64 ;;
  *) fail "there is no libtensorflow for $(node -p process.arch); engine wasm runs wherever Node runs" ;;
esac
ldd --version 2>&1 | grep -qi musl && fail "libtensorflow needs glibc, this system has musl; engine wasm runs here"
command -v g++ >/dev/null || fail "g++ is missing (Debian: apt-get install g++)"
command -v npm >/dev/null || fail "npm is missing"
python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is missing (Debian: apt-get install python3-pip)"

mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
if command -v flock >/dev/null; then
  flock 9
  # Another run may have finished while this one waited.
  if [ "${1:-}" != --force ] && is_ready; then say "engine tensorflow is ready in $target"; exit 0; fi
fi

# Built beside the target and moved there when it works: what is in the target is always whole.
work=$(mktemp -d -p "$(dirname "$target")")
trap 'rm -rf "$work"' EXIT
say "installing @tensorflow/tfjs-node $tfjs without its install script"
echo '{"private":true}' >"$work/package.json"
(cd "$work" && npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
  "@tensorflow/tfjs-node@$tfjs" node-api-headers@1 >/dev/null) || fail "npm install failed"
package=$work/node_modules/@tensorflow/tfjs-node

say "downloading $wheel for $platform (about 290 MB)"
mkdir "$work/wheel"
python3 -m pip download -q --no-cache-dir --no-deps --disable-pip-version-check --only-binary=:all: \
  --implementation cp --python-version 3.11 --abi cp311 \
  --platform "manylinux_2_17_$platform" --platform "manylinux2014_$platform" -d "$work/wheel" "$wheel" ||
  fail "the TensorFlow wheel could not be downloaded"

say "taking libtensorflow and its C headers out of the wheel"
python3 - "$work/wheel" "$package/deps" <<'PY'
import glob, os, re, shutil, sys, zipfile

wheel, deps = sys.argv[1:]
archive = zipfile.ZipFile(glob.glob(wheel + '/*.whl')[0])
for name in archive.namelist():
    base = os.path.basename(name)
    bundled = name.startswith(('tensorflow.libs/', 'tensorflow_cpu.libs/')) and '.so' in base
    if bundled or re.fullmatch(r'tensorflow/libtensorflow_(cc|framework)\.so\.2', name):
        target = f'{deps}/lib/{base}'
    elif name.endswith('.h') and re.match(
        r'tensorflow/include/(tensorflow/c/|tensorflow/core/platform/ctstring|tsl/c/|tsl/platform/ctstring)', name
    ):
        target = deps + name[len('tensorflow') :]
    elif base == 'THIRD_PARTY_NOTICES.txt' or name == 'tensorflow/include/LICENSE':
        target = f'{deps}/{base}'
    else:
        continue
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(name) as source, open(target, 'wb') as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
PY
rm -rf "$work/wheel"

say "compiling the binding"
mkdir -p "$package/lib/napi-v8"
g++ -shared -fPIC -O2 -std=c++17 -DNAPI_VERSION=8 \
  -I"$package/.." -I"$package/deps/include" -I"$work/node_modules/node-api-headers/include" \
  "$package/binding/tfjs_backend.cc" "$package/binding/tfjs_binding.cc" \
  -L"$package/deps/lib" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,--allow-shlib-undefined \
  '-Wl,-rpath,$ORIGIN/../../deps/lib' -o "$package/lib/napi-v8/tfjs_binding.node"

works "$work" || fail "what was built does not run on this machine; engines onnxruntime and wasm remain"
echo "$stamp" >"$work/stamp"
rm -rf "$target"
mv "$work" "$target"
say "engine tensorflow is ready in $target"
