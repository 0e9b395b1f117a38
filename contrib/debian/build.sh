#!/bin/sh
# The Debian package of what is committed, in DIR:
#
#	contrib/debian/build.sh VERSION DIR
#
# Between releases its version is VERSION+gitN.COMMIT, N commits from the first, so that a later one is
# an upgrade.  DEB_BUILD_OPTIONS as Debian's policy says (parallel=N, nocheck).
set -eu
version=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
cd "$(dirname "$0")/../.."

commit=$(git rev-parse --short=10 HEAD)
[ "$(git tag --points-at HEAD)" = "v$version" ] ||
	version=$version+git$(git rev-list --count HEAD).$commit
tree=$dir/deb/mayfly-$version
rm -rf "$dir/deb"
mkdir -p "$tree"
git archive HEAD | tar -x -C "$tree"
cp -r "$tree/contrib/debian" "$tree/debian"
rm "$tree/debian/build.sh"
cat >"$tree/debian/changelog" <<END
mayfly ($version) unstable; urgency=medium

  * Built from commit $commit.

 -- $(sed -n 's/^Maintainer: //p' contrib/debian/control)  $(git log -1 --format=%cD)
END

log=$dir/deb/log
DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS:-parallel=$(nproc)}
export DEB_BUILD_OPTIONS
(cd "$tree" && dpkg-buildpackage -b -us -uc) >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	echo "deb: not built; the whole log is $log" >&2
	exit 1
}
for file in "$dir/deb"/mayfly_*.deb; do
	cp "$file" "$dir/"
	echo "$dir/${file##*/}"
done
