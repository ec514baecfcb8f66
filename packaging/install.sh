#!/bin/sh
# Installs softclose from the archive that this script is in, or removes it again:
#
#   ./install.sh [install|uninstall] [PREFIX=/usr/local] [DESTDIR=]
#
# Nothing is preloaded before you say so.
set -eu
umask 022

todo=install prefix=/usr/local destdir=
for word; do
    case $word in
    install | uninstall) todo=$word ;;
    PREFIX=/*) prefix=${word#PREFIX=} ;;
    DESTDIR= | DESTDIR=/*) destdir=${word#DESTDIR=} ;;
    *)
        echo "usage: $0 [install|uninstall] [PREFIX=/usr/local] [DESTDIR=]; both are absolute paths" >&2
        exit 1
        ;;
    esac
done
cd "$(dirname "$0")"
root=$destdir$prefix

# copy FILE: at its place it says where softclose is. A program must never be started with half a
# library: it is put in place by a rename.
copy() {
    mkdir -p "$root/$(dirname "$1")"
    case $1 in
    share/man/*) sed "s|/usr/local|$(printf '%s' "$prefix" | sed 's/-/\\\\-/g')|g" "$1" >"$root/$1.new" ;;
    *.service) sed "s|/usr/local|$prefix|g" "$1" >"$root/$1.new" ;;
    *) cp "$1" "$root/$1.new" ;;
    esac
    mv -f "$root/$1.new" "$root/$1"
}

install() {
    { mkdir -p "$root" && [ -w "$root" ]; } 2>/dev/null || {
        echo "you may not write to $root: be root, or say where: $0 PREFIX=\$HOME/.local" >&2
        exit 1
    }
    find bin lib share -type f | while read -r file; do copy "$file"; done
    # Below a DESTDIR may be another machine's system.
    [ -n "$destdir" ] || "$root/bin/softclose" --print-env >/dev/null
    echo "installed: $root/bin/softclose"
}

uninstall() {
    find bin lib share -type f | while read -r file; do rm -f "$root/$file"; done
    # Directories of softclose's own, the innermost first.
    find lib/softclose share/doc/softclose -type d | sort -r | while read -r directory; do
        [ ! -d "$root/$directory" ] || rmdir "$root/$directory"
    done
    echo "removed: $root/bin/softclose"
}

$todo
