# shellcheck shell=bash
# Sourced by run, test and .ci/run: where we are, how many jobs, how to build. Not run by itself.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Compiling a group of files with CAF or Beast in it takes up to 2 GB: as many jobs as memory carries.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 2097152)}' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  printf '%s' "${LANRAGE_JOBS:-$((cores < memory ? cores : memory))}"
}

# build PRESET FOLDER TARGET...: configures (a second each time; presets may have changed), builds.
build() {
  local preset=$1 folder=$2 said
  shift 2
  # What was configured in another place, such as before this folder moved, is of no use to cmake.
  if [ -f "$folder/CMakeCache.txt" ] &&
    ! grep -qx "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$folder/CMakeCache.txt"; then
    echo "$folder belongs to another place; configuring it anew" >&2
    rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
  fi
  said=$(cmake --preset "$preset" 2>&1) || {
    printf '%s\n' "$said" >&2
    return 1
  }
  compile "$folder" "$@" && return
  # GCC 12 crashes now and then while it writes a precompiled header; not twice in the same place.
  grep -q 'internal compiler error' "$folder/build.log" || return 1
  echo "the compiler crashed: once more" >&2
  compile "$folder" "$@"
}

compile() {
  local folder=$1
  shift
  cmake --build "$folder" -j "$(jobs)" --target "$@" 2>&1 | tee "$folder/build.log" >&2
}
