//! Maps and sets by what this service made up itself, ids above all: nobody outside chooses what collides, so that a hash
//! without a key will do, which takes a fifth of the time.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// Values by ids.
pub type Map<K, V> = HashMap<K, V, RandomState>;

/// Ids, each once.
pub type Set<K> = HashSet<K, RandomState>;
