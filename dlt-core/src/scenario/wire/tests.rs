//! Bodies of POST /scenarios against their limits.
