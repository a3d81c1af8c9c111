#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
#
# Installs what is missing for the groups named: build, try, test, bench.
#
#   sh tools/install-deps.sh [--dry-run] GROUP...
#
# Each line of the table below has a group, a probe that tells whether the thing is there, and the
# package that brings it on Debian and on Fedora ("-": none). A group that ends in "?" is wanted but
# can be done without. Only packages whose probe fails are installed, with apt-get or dnf, as root.
# Exit status: 0 if everything needed is there at the end, 1 if not, 2 for wrong arguments.

set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

table() {
  cat <<'TABLE'
build   command:meson         meson                 meson
build   command:ninja         ninja-build           ninja-build
build   command:gcc           gcc                   gcc
build   command:python3       python3               python3
build   command:pkg-config    pkg-config            pkgconf-pkg-config
build   file:libc.so          libc6-dev             glibc-devel
build   pkg-config:glib-2.0   libglib2.0-dev        glib2-devel
build   pkg-config:libseccomp libseccomp-dev        libseccomp-devel
build?  pkg-config:json-glib-1.0 libjson-glib-dev   json-glib-devel
build?  pkg-config:gobject-introspection-1.0 libgirepository1.0-dev gobject-introspection-devel
build?  command:g-ir-scanner  gobject-introspection gobject-introspection-devel
build?  file:libc.a           libc6-dev             glibc-static
build?  static:glib-2.0       libglib2.0-dev        glib2-static
build?  static:libpcre2-8     libpcre2-dev          pcre2-static
build?  static:libseccomp     libseccomp-dev        libseccomp-static
try     runtime               runc                  crun
try     busybox               busybox-static        busybox
test    command:runc          runc                  runc
test    command:crun          crun                  crun
test    command:podman        podman                podman
test    command:conmon        conmon                conmon
test?   catatonit             catatonit             catatonit
test    busybox               busybox-static        busybox
test    file:libasan.so       gcc                   libasan
test    file:libubsan.so      gcc                   libubsan
test?   file:libasan.a        gcc                   libasan-static
test?   file:libubsan.a       gcc                   libubsan-static
test    command:shellcheck    shellcheck            ShellCheck
test    command:strace        strace                strace
test    command:jq            jq                    jq
test    command:journalctl    systemd               systemd
test    command:socat         socat                 socat
test    command:bats          bats                  bats
test    command:man           man-db                man-db
test?   command:clang-format-14 clang-format-14     -
test?   clang                 clang                 clang
test?   libfuzzer             libclang-rt-14-dev    compiler-rt
test?   pygobject             python3-gi            python3-gobject-base
test?   command:gi-docgen     gi-docgen             gi-docgen
test?   command:vapigen       valac                 vala
test?   command:zsh           zsh                   zsh
test?   command:fish          fish                  fish
test?   command:valgrind      valgrind              valgrind
test?   command:criu          criu                  criu
test?   command:qemu-system-x86_64 qemu-system-x86  qemu-system-x86-core
test?   command:cpio          cpio                  cpio
test?   command:modprobe      kmod                  kmod
bench   command:conmon        conmon                conmon
bench   runtime               runc                  runc
bench   busybox               busybox-static        busybox
bench?  file:libc.a           libc6-dev             glibc-static
bench?  matplotlib            python3-matplotlib    python3-matplotlib
TABLE
}

has_static_busybox() {
  busybox=$(command -v busybox) || return 1
  ! command -v ldd >/dev/null || ! ldd "$busybox" >/dev/null 2>&1
}

# Some Pythons in PATH do not look where the distribution's packages are.
has_matplotlib() {
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import matplotlib' 2>/dev/null && return 0
  done
  return 1
}

# The examples in Python are run by the distribution's own.
has_pygobject() {
  /usr/bin/python3 -c 'import gi' 2>/dev/null
}

# The compiler prints a path with a slash only for a file that it finds.
has_compiler_file() {
  case $(gcc -print-file-name="$1" 2>/dev/null) in
    */*) return 0 ;;
    *) return 1 ;;
  esac
}

find_clang() {
  for name in clang clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
    command -v "$name" && return 0
  done
  return 1
}

has_libfuzzer() {
  clang=$(find_clang) || return 1
  echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
    "$clang" -x c -fsanitize=fuzzer -o /dev/null - 2>/dev/null
}

has_static_library() {
  folder=$(pkg-config --variable=libdir "$1" 2>/dev/null) || return 1
  name=$(pkg-config --libs-only-l "$1" | tr ' ' '\n' | sed -n 's/^-l//p' | head -n 1)
  [ -e "$folder/lib$name.a" ]
}

is_there() {
  case $1 in
    command:*) command -v "${1#command:}" >/dev/null ;;
    pkg-config:*) pkg-config --exists "${1#pkg-config:}" 2>/dev/null ;;
    file:*) has_compiler_file "${1#file:}" ;;
    static:*) has_static_library "${1#static:}" ;;
    runtime) command -v runc >/dev/null || command -v crun >/dev/null ;;
    busybox) has_static_busybox ;;
    clang) find_clang >/dev/null ;;
    libfuzzer) has_libfuzzer ;;
    catatonit) command -v catatonit >/dev/null || [ -x /usr/libexec/podman/catatonit ] ;;
    matplotlib) has_matplotlib ;;
    pygobject) has_pygobject ;;
    *) echo "install-deps: unknown probe $1" >&2; exit 2 ;;
  esac
}

# Prints "PACKAGE PROBE" for what is missing; $1 is "" for what is needed, "?" for what is wanted.
missing() {
  mark=$1
  shift
  table | while read -r group probe debian fedora; do
    for wanted in "$@"; do
      [ "$group" = "$wanted$mark" ] || continue
      is_there "$probe" && continue
      case $manager in
        dnf) echo "$fedora $probe" ;;
        *) echo "$debian $probe" ;;
      esac
    done
  done
}

packages_of() {
  cut -d ' ' -f 1 | grep -vx -e - | sort -u | tr '\n' ' '
}

apt() {
  DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

update_lists() {
  [ "$manager" = apt-get ] || return 0
  apt update || echo "install-deps: apt-get update failed; trying with the old lists" >&2
}

install_packages() {
  case $manager in
    apt-get)
      # shellcheck disable=SC2086 # a list of words
      apt install -y --no-install-recommends $1 >/dev/null
      ;;
    dnf)
      # shellcheck disable=SC2086
      dnf -q -y install --setopt=install_weak_deps=False $1
      ;;
  esac
}

install_each() {
  for package in $1; do
    install_packages "$package" || echo "install-deps: $package could not be installed" >&2
  done
}

usage() {
  echo "usage: sh tools/install-deps.sh [--dry-run] build|try|test|bench..." >&2
  exit 2
}

dry_run=no
[ "${1-}" = --dry-run ] && dry_run=yes && shift
[ $# -gt 0 ] || usage
for group in "$@"; do
  case $group in
    build | try | test | bench) ;;
    *) usage ;;
  esac
done

manager=none
command -v dnf >/dev/null && manager=dnf
command -v apt-get >/dev/null && manager=apt-get

needed=$(missing '' "$@" | packages_of)
wanted=$(missing '?' "$@" | packages_of)
if [ -z "$needed$wanted" ]; then
  exit 0
fi
echo "Missing for $*: $needed${wanted:+(not needed, but wanted: ${wanted% })}"
if [ "$dry_run" = yes ]; then
  :
elif [ "$manager" = none ]; then
  echo "Neither apt-get nor dnf is here: install them by hand (these are Debian's names)."
elif [ "$(id -u)" -ne 0 ]; then
  echo "Not root: nothing is installed. As root: sh tools/install-deps.sh $*"
else
  echo "Installing them with $manager."
  update_lists
  # One name that does not exist must not keep the others away.
  install_packages "$needed$wanted" || install_each "$needed$wanted"
fi

still=$(missing '' "$@" | packages_of)
[ -z "$still" ] && exit 0
echo "Still missing: $still" >&2
exit 1
