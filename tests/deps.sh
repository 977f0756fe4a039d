#!/bin/sh
# Installs what is missing of Debian's packages: `tests/deps.sh build` for building and the demo, `tests/deps.sh test` for the
# tests as well, `tests/deps.sh accuracy` for the fonts of tests/accuracy too.  Asks dpkg first, so that it costs nothing when all is there. Root, or sudo.
set -eu
build="build-essential pkg-config libczmq-dev libzmq3-dev libhiredis-dev libcurl4-openssl-dev libjansson-dev libcivetweb-dev
       libpoppler-glib-dev libleptonica-dev libtesseract-dev tesseract-ocr-eng tesseract-ocr-spa tesseract-ocr-osd libheif-dev
       libsqlite3-dev libpq-dev libssl-dev redis-server"
test="libcmocka-dev postgresql-15 openssl python3-pytest python3-redis python3-zmq python3-cryptography python3-pil python3-jsonschema chromium fonts-dejavu-core spin faketime python3-aiosmtpd nghttp2-proxy python3-swift libheif-examples"

accuracy="poppler-utils fonts-liberation fonts-open-sans fonts-sil-charis fonts-gnutypewriter fonts-breip fonts-klee fonts-comic-neue
          fonts-dancingscript fonts-rufscript fonts-bwht"

wanted=$build
[ "${1:-build}" = test ] && wanted="$wanted $test"
[ "${1:-build}" = accuracy ] && wanted="$wanted $test $accuracy"
[ "${1:-build}" = test ] && ! command -v node >/dev/null 2>&1 && wanted="$wanted nodejs npm"

missing=
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# Debian starts a redis-server of its own on installation; ours are started by whoever needs one.
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
