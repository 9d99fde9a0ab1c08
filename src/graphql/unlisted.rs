//! The GraphQL type `UnlistedAccess`: who can open a target in Kisi although the rules, and so `allowedMembers`, do not list them.

use access::Target;
use async_graphql::{Context, Object, Result};

use super::{
    context::require_staff, explanation::scope_row, group::Group, held_revocation::HeldRevocation,
    loader, page,
};
use crate::store::{
    convert::row_id,
    row::{self, ScopeKind},
};

/// How many held revocations are shown; `heldRevocations` of the query has all.
const MAX_SHOWN: usize = 100;

pub struct UnlistedAccess {
    held: Vec<row::Revocation>,
    unmanaged: Vec<row::Group>,
}

/// Access in Kisi beyond `allowedMembers`: people whose revocation the brake holds, and groups that this service does not manage.
#[Object(crate = "crate::graphql::resolve")]
impl UnlistedAccess {
    /// Number of held revocations: these people have lost access by the rules, and keep it in Kisi until an admin decides.
    async fn held_count(&self) -> i32 {
        i32::try_from(self.held.len()).unwrap_or(i32::MAX)
    }

    /// The held revocations, at most 100, the oldest first.
    #[graphql(complexity = "page::capped_product(10, child_complexity)")]
    async fn held_revocations(&self) -> Vec<HeldRevocation> {
        let shown = self.held.iter().take(MAX_SHOWN);
        shown.cloned().map(HeldRevocation).collect()
    }

    /// The groups that open it and are not managed: Kisi also admits their members, whom this service does not know.
    #[graphql(complexity = "page::capped_product(5, child_complexity)")]
    async fn unmanaged_groups(&self) -> Vec<Group> {
        self.unmanaged.iter().cloned().map(Group).collect()
    }
}

/// The access to a group or lock beyond the rules. Requires a staff token.
pub async fn of(context: &Context<'_>, target: Target) -> Result<UnlistedAccess> {
    require_staff(context)?;
    let access_context = loader::access_context(context).await?;
    let layout = &access_context.layout;
    let groups: Vec<&row::Group> = match target {
        Target::Group(id) => layout.group(row_id(id)).into_iter().collect(),
        Target::Lock(id) => layout.groups_of(row_id(id)).collect(),
    };
    let covering: Vec<(ScopeKind, uuid::Uuid)> = access_context
        .covering(target)
        .into_iter()
        .map(scope_row)
        .collect();
    let held = loader::load_required(context, loader::HeldKey).await?;
    let of_target = |row: &&row::Revocation| covering.contains(&(row.scope_kind, row.scope_id));
    let held = held.iter().filter(of_target).cloned().collect();
    let unmanaged = groups.into_iter().filter(|group| !group.managed);
    Ok(UnlistedAccess {
        held,
        unmanaged: unmanaged.cloned().collect(),
    })
}
