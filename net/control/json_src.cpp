// The one place that compiles Boost.JSON (header-only use needs exactly one).
#include <boost/json/src.hpp>
