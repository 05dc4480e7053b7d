#include "CTun.h"
