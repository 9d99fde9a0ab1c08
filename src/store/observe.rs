//! What tests see of the statements that run.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use sea_orm::Statement;

type Look = Box<dyn Fn(&Statement) + Send + Sync>;

/// Told of each statement that a pool runs, once somebody looks.
#[derive(Clone, Default)]
pub struct Observer(Arc<OnceLock<Look>>);

impl Observer {
    /// Calls `look` for each statement from now on.
    pub fn look(&self, look: impl Fn(&Statement) + Send + Sync + 'static) {
        assert!(self.0.set(Box::new(look)).is_ok(), "somebody looks already");
    }

    /// A statement is about to run.
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
