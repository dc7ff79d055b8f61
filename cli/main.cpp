#include <cstdio>

int main() {
  std::puts("lanrage " LANRAGE_VERSION);
  return 0;
}
