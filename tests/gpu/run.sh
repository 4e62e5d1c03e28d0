#!/usr/bin/env bash
# What a GPU must do, run on one: builds for it, runs the tests of tests/it/gpu, and measures. `--help` says more.
#
# Nothing is installed here: what is missing is named, with how to get it. `setup.sh --vulkan` installs it.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$1" >&2; shift; [ $# -eq 0 ] || printf 'hint: %s\n' "$@" >&2; exit 1; }

help() {
    cat <<'END'
Builds Afterword for a GPU, runs its tests there, and measures how fast it tells.

Usage: bash tests/gpu/run.sh [vulkan|cuda|metal] [OPTIONS] [FILTER…]

With `vulkan`, which is the default, it runs on a GPU that has a driver for Vulkan, and where there is none on
Mesa's software device, lavapipe: slowly, but through all the code that a GPU takes.

  FILTER…        run only tests whose names hold one of these words, and measure nothing
  --headers DIR  the folder that holds `vulkan/vulkan.hpp`, where the system's headers are too old;
                 or set VULKAN_HEADERS. llama.cpp needs those of Vulkan 1.3.272 or newer.
  --no-bench     measure nothing
  --help         this

Newer headers need no installation. On any system:
  git clone --depth 1 --branch v1.4.309 https://github.com/KhronosGroup/Vulkan-Headers
  bash tests/gpu/run.sh --headers Vulkan-Headers/include
On Debian 12, those of Debian 13: download libvulkan-dev from https://packages.debian.org/trixie/libvulkan-dev, and
  dpkg -x libvulkan-dev_1.4.309.0-1_amd64.deb newer
  bash tests/gpu/run.sh --headers newer/usr/include
END
}

backend=vulkan
headers=${VULKAN_HEADERS:-}
bench=yes
filters=()
while [ $# -gt 0 ]; do
    case $1 in
        vulkan | cuda | metal) backend=$1 ;;
        --headers)
            [ $# -ge 2 ] || fail "--headers is followed by no folder"
            headers=$2
            shift
            ;;
        --headers=*) headers=${1#*=} ;;
        --no-bench) bench=no ;;
        -h | --help)
            help
            exit
            ;;
        -*) fail "there is no option $1" "bash tests/gpu/run.sh --help" ;;
        *)
            filters+=("gpu::$1")
            bench=no
            ;;
    esac
    shift
done

command -v cargo >/dev/null || fail "Rust is missing" "./setup.sh says how it is installed"

case $backend in
    vulkan)
        # What is looked for, and what is too old, is known in one place.
        ./setup.sh --vulkan --check ${headers:+--headers "$headers"}
        if [ -n "$headers" ]; then
            # Before the system's own, for compilers and for CMake's test programs.
            headers=$(cd "$headers" && pwd)
            export CPLUS_INCLUDE_PATH="$headers${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}"
            export C_INCLUDE_PATH="$headers${C_INCLUDE_PATH:+:$C_INCLUDE_PATH}"
        fi
        named='Vulkan'
        ;;
    cuda)
        command -v "${CUDACXX:-nvcc}" >/dev/null ||
            fail "NVIDIA's compiler nvcc is missing" "install the CUDA toolkit, or set CUDACXX: https://developer.nvidia.com/cuda-downloads"
        named='CUDA'
        ;;
    metal)
        [ "$(uname)" = Darwin ] || fail "Metal is Apple's, and this is $(uname)" "bash tests/gpu/run.sh vulkan"
        named='(Metal|MTL)'
        ;;
esac

say "building with $backend: the first time llama.cpp is compiled, which takes some minutes"
cargo test --release --features "$backend" --test it --no-run
afterword=${CARGO_TARGET_DIR:-target}/release/afterword

# What llama.cpp calls the GPU, from the doctor's list; nothing where it finds none.
device() { AFTERWORD_CONFIG='' "$afterword" doctor 2>/dev/null | sed -nE "s/^device +(($named)[0-9]+: .*)/\1/p" | sed -n 1p || true; }

found=$(device)
if [ -z "$found" ] && [ "$backend" = vulkan ] && [ -z "${GGML_VK_VISIBLE_DEVICES:-}" ]; then
    # llama.cpp passes over devices that are software, unless they are asked for. Where there is a GPU, none is needed.
    export GGML_VK_VISIBLE_DEVICES=0
    # Kernels that llama.cpp fuses crash in lavapipe's own thread with Mesa 22.3.6, at a null pointer; unfused ones do not.
    export GGML_VK_DISABLE_FUSION=1
    found=$(device)
    if [ -n "$found" ]; then
        echo "no GPU has a driver for $backend here, so Mesa's software device stands in for one, with kernels that are not fused"
    fi
fi
[ -n "$found" ] || fail "llama.cpp finds no device for $backend here" \
    "a GPU needs its driver; without one, Mesa's software device does: \`apt-get install mesa-vulkan-drivers\` or the like"

say "tests on $found"
cargo test --release --features "$backend" --test it -- --ignored --nocapture --test-threads 1 "${filters[@]:-gpu::}"

if [ "$bench" = yes ]; then
    say "milliseconds of a decode by its tokens, on $found"
    AFTERWORD_CONFIG='' "$afterword" tune --dry-run --runs 3 --tokens 32 --threads 1
    for width in 1 4 8; do
        say "candidates in a decode: $width"
        AFTERWORD_CONFIG='' "$afterword" bench --runs 1 --tokens 32 --stories 1,4 --modes plain,lazy,wave --width "$width" --threads 1
    done
fi
