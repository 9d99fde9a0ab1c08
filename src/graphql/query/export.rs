//! The query that exports everything stored about a member.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    graphql::{
        context,
        error::{bad_input, internal_error},
        node,
        scalar::Json,
    },
    id::Kind,
    store::{lookup, person_data, row},
};

#[derive(Default)]
pub struct ExportQuery;

#[Object(crate = "crate::graphql::resolve")]
impl ExportQuery {
    /// Everything that is stored about a member, as an object of lists of rows by table, for the person who asks for it. The
    /// bodies of deliveries are those that name the member; they may name others. Secrets are left out. Requires an ADMIN token.
    #[graphql(complexity = 1000)]
    async fn export_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member.")] member: ID,
    ) -> Result<Json> {
        let scope = context::require_admin(context)?.scope;
        let db = context::app(context)?.db.read();
        let id = node::decode_id("member", Kind::Member, &member)?;
        let found = lookup::by_id::<row::Member>(db, scope, id).await;
        if found.map_err(internal_error)?.is_none() {
            return Err(bad_input("member: no such member exists in this club"));
        }
        let all = person_data::export(db, scope, id).await;
        all.map(Json).map_err(internal_error)
    }
}
