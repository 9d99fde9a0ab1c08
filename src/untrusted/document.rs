//! The checks of a GraphQL document: limits, permissions of each role, validation and cost. Then it is executed without an app,
//! so that each resolver fails before it reads or calls anything.

use std::io;

use async_graphql::Request;
use tokio::runtime::{Builder, Runtime};

use crate::{
    graphql::{
        prepare::{OperationKind, limits::Limits},
        roles::ALL,
        schema,
        service::GraphqlService,
    },
    store::row::Role,
};

/// Checks documents. Parsing the schema takes long, so it is made once.
pub struct DocumentChecker {
    service: GraphqlService,
    runtime: Runtime,
}

impl DocumentChecker {
    /// # Errors
    ///
    /// If the schema cannot be parsed, or the runtime cannot start.
    pub fn new() -> io::Result<Self> {
        let service = GraphqlService::new(schema::build(), Limits::default());
        Ok(Self {
            service: service.map_err(io::Error::other)?,
            runtime: Builder::new_current_thread().enable_time().build()?,
        })
    }

    /// For how many roles a document passes the checks before its execution.
    pub fn permitted_roles(&self, document: &str) -> usize {
        let is_permitted = |(_, role): &&(&str, Role)| {
            let mut request = Request::new(document);
            let prepared = self.service.prepare(*role, &mut request);
            let Ok(kind @ (OperationKind::Query | OperationKind::Mutation)) = prepared else {
                return prepared.is_ok();
            };
            let execution = self.service.execute(kind, request);
            drop(self.runtime.block_on(execution));
            true
        };
        ALL.iter().filter(is_permitted).count()
    }
}
