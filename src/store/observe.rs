//! Lets tests observe the statements that a pool runs.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use sea_orm::Statement;

type Look = Box<dyn Fn(&Statement) + Send + Sync>;

/// Calls the test's function, once one is set, for each statement that a pool runs.
#[derive(Clone, Default)]
pub struct Observer(Arc<OnceLock<Look>>);

impl Observer {
    /// Calls `look` for each statement from now on.
    pub fn look(&self, look: impl Fn(&Statement) + Send + Sync + 'static) {
        assert!(
            self.0.set(Box::new(look)).is_ok(),
            "the pool already has an observer"
        );
    }

    /// Reports a statement that is about to run.
    pub fn note(&self, statement: &Statement) {
        if let Some(look) = self.0.get() {
            look(statement);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
