//! Maps and sets for keys that this service generates, mainly ids. No outsider can choose colliding keys, so an unkeyed hash is
//! safe; it takes a fifth of the time of the default one.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

pub type Map<K, V> = HashMap<K, V, RandomState>;

pub type Set<K> = HashSet<K, RandomState>;
