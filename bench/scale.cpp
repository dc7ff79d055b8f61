#include "bench/scale.hpp"
namespace lanrage::bench { void scale_part(const options&) {} }
