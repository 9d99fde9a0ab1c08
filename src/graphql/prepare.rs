//! What happens to an operation before it is executed, on every transport: its persisted text is looked up, it is parsed, held
//! against the limits, checked, and authorized. Nothing is resolved for an operation that is refused here.

use async_graphql::{Request, ServerResult};

use super::{field_analysis::FieldAnalysis, roles};
use crate::store::row::Role;
use documents::DocumentCache;
use limits::{Limits, check_text};

pub(super) mod documents;
pub mod limits;
mod nesting;
mod nul;
pub(super) mod operation;

pub use operation::OperationKind;

/// Marker in a request's data: the request may not be a mutation, because it was sent by GET.
pub(super) struct QueriesOnly;

/// Prepares the requests of one schema.
pub(super) struct Preparation {
    pub(super) limits: Limits,
    pub(super) analysis: FieldAnalysis,
    documents: DocumentCache,
}

impl Preparation {
    pub(super) fn new(analysis: FieldAnalysis, limits: Limits) -> Self {
        let documents = DocumentCache::default();
        Self {
            limits,
            analysis,
            documents,
        }
    }

    /// Checks and authorizes the operation of a request, and sets the parsed document of the request. Returns the kind of the
    /// operation.
    ///
    /// # Errors
    ///
    /// The reason of the refusal. An operation with fields that the role may not read is refused as a whole: FORBIDDEN, with
    /// the paths of all these fields.
    pub(super) fn prepare(&self, role: Role, request: &mut Request) -> ServerResult<OperationKind> {
        self.documents.resolve_hash(request)?;
        check_text(&request.query)?;
        let document = self.documents.document(&request.query, &self.limits)?;
        nul::check(&request.query, &document.parsed, &request.variables)?;
        let name = request.operation_name.as_deref();
        let operation = operation::selected(&document.parsed, name)?;
        operation::check_variables(operation, &request.variables)?;
        operation::check_roots(operation)?;
        let kind = OperationKind::of(operation);
        let queries_only = std::any::TypeId::of::<QueriesOnly>();
        if kind == OperationKind::Mutation && request.data.contains_key(&queries_only) {
            return Err(operation::mutation_by_get());
        }
        let verdict = document.verdict(role, name, || {
            let may = |parent: &str, field: &str| roles::may(role, parent, field);
            let refused = self.analysis.refused(&document.parsed, operation, may);
            roles::authorize(role, &refused)
        });
        verdict?;
        request.set_parsed_query(document.parsed.clone());
        Ok(kind)
    }
}
