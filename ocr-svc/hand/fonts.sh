#!/bin/sh
# fonts.sh LIST FOLDER: brings the fonts of LIST (fonts.train, fonts.unseen: registry, package, file) into FOLDER.  Needs npm and apt-get.
set -eu
list=$(realpath "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
packages=$(mktemp -d)
chmod 755 "$packages" # apt fetches as somebody else
trap 'rm -rf "$packages"' EXIT
cd "$packages"
while read -r registry package file; do
    into=$packages/$registry/$package
    if [ ! -d "$into" ]; then
        mkdir -p "$into"
        case $registry in
        npm) tar -xzf "$(npm pack --silent "$package" </dev/null)" -C "$into" ;;
        debian) apt-get download -qq "$package" </dev/null && dpkg-deb -x "$package"_*.deb "$into" ;;
        esac
    fi
    find "$into" -name "$file" -exec cp {} "$folder" \;
    [ -f "$folder/$file" ] || { echo "fonts.sh: $package has no $file" >&2; exit 1; }
done <"$list"
