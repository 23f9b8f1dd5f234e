#pragma once

#include <dns_sd.h>

#ifdef __linux__
#include <avahi-common/malloc.h>
#include <stdlib.h>

// Avahi's dns_sd (0.8) leaves the callbacks of its handles uninitialised, but when avahi-daemon goes it calls the
// first one that is not NULL, in the order browse, resolve, domains, query: a resolve or query then jumps to
// whatever malloc left there. With memory that is zeroed they are what its authors meant them to be.
static void *os_dnssd_zeroed(size_t size) { return calloc(1, size); }

/// To be called once, before anything else of this library: makes its memory come zeroed.
static inline void os_dnssd_prepare(void) {
    static const AvahiAllocator allocator = {os_dnssd_zeroed, free, realloc, calloc};
    avahi_set_allocator(&allocator);
}
#else
static inline void os_dnssd_prepare(void) {}
#endif
