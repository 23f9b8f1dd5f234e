#pragma once

#include <zlib.h>

// A macro, which Swift can't call. 16 more than the window's bits: gzip and nothing else.
static inline int os_gunzip_begin(z_stream *stream) { return inflateInit2(stream, 16 + MAX_WBITS); }
