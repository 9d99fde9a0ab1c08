//! Mutations of suspensions: a suspended member has no access anywhere. DESK tokens may replace and lift only suspensions that
//! they created.

use async_graphql::{Context, ID, InputObject, Object, Result};
use uuid::Uuid;

use super::{Editor, MAX_REASON_CHARS, form::Form, future_end, id_of, invalid, not_found, text_of};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, checked},
        member::Member,
        scalar::DateTime,
    },
    id::Kind,
    store::{
        ClubScope, Connection, StoreError, clubs, due,
        history::{self, Entry},
        lookup, overrides, row,
    },
    transaction,
};

#[derive(Default)]
pub struct SuspensionMutations;

/// The member to suspend, and the reason.
#[derive(InputObject)]
pub struct SuspendMemberInput {
    /// The member.
    pub member: ID,
    /// The reason, for the staff; 1 to 1000 characters.
    pub reason: String,
    /// When the suspension ends. Default: when the member is resumed.
    pub until: Option<DateTime>,
}

payload! {
    /// The suspended member.
    SuspendMemberPayload {
        /// The member; null if the mutation was refused.
        member: Member
    }
}
payload! {
    /// The member whose suspension was lifted.
    ResumeMemberPayload {
        /// The member; null if the mutation was refused.
        member: Member
    }
}

/// The member whose suspension is lifted.
#[derive(InputObject)]
pub struct ResumeMemberInput {
    /// The member.
    pub member: ID,
}

#[Object(crate = "crate::graphql::resolve")]
impl SuspensionMutations {
    /// Suspends a member, who then has no access anywhere, whatever the rules and shares grant. Replaces an earlier
    /// suspension; with a DESK token only one that the same token created.
    async fn suspend_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member and the reason.")] input: SuspendMemberInput,
    ) -> Result<SuspendMemberPayload> {
        let editor = Editor::admin_or_desk(context)?;
        SuspendMemberPayload::of(suspend(editor, input).await)
    }

    /// Lifts the suspension of a member. Refused if the member is not suspended, and for a DESK token if another created the
    /// suspension.
    async fn resume_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member whose suspension is lifted.")] input: Option<
            ResumeMemberInput,
        >,
        #[graphql(deprecation = "Use `input`.", desc = "The member.")] member: Option<ID>,
    ) -> Result<ResumeMemberPayload> {
        let editor = Editor::admin_or_desk(context)?;
        let loose = member.map(|member| ResumeMemberInput { member });
        let (form, input) = Form::of(input, loose)?;
        ResumeMemberPayload::of(form.paths(resume(editor, &input.member).await))
    }
}

async fn suspend(editor: Editor, input: SuspendMemberInput) -> Result<row::Member, Refusal> {
    let is_desk = editor.is_desk();
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = editor;
    checked! {
        id = id_of(Kind::Member, "input.member", "member", &input.member);
        reason = text_of("input.reason", "a reason", &input.reason, MAX_REASON_CHARS);
        until_at = future_end("input.until", input.until, now);
    }
    let member = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let member = lookup::by_id::<row::Member>(tx, scope, id).await?;
        let member = member.ok_or_else(|| not_found("input.member", "member"))?;
        if is_desk {
            refuse_others(&current(tx, scope, id, now).await?, &actor, "input.member")?;
        }
        let message = format!("{} was suspended: {reason}", member.name);
        let suspension = row::Suspension {
            id: new_id(),
            club_id: scope.club,
            member_id: id,
            reason,
            until_at,
            actor: Some(actor.clone()),
            learned_at: now,
            superseded_at: None,
        };
        overrides::suspend(tx, suspension).await?;
        due::mark(
            tx,
            scope,
            [id],
            now,
            &due::Cause::exempt("the member was suspended").by(&actor),
        )
        .await?;
        let entry = entry(row::HistoryKind::Suspended, id, actor, message);
        history::write(tx, scope, now, vec![entry]).await?;
        Ok::<_, Refusal>(member)
    })
    .await?;
    app.waker.wake(scope);
    Ok(member)
}

/// The suspensions of a member that are in effect.
async fn current(
    connection: &impl Connection,
    scope: ClubScope,
    member: Uuid,
    now: i64,
) -> Result<Vec<row::Suspension>, StoreError> {
    let mut all = overrides::suspensions_of(connection, scope, &[member]).await?;
    all.retain(|suspension| suspension.until_at.is_none_or(|until| until > now));
    Ok(all)
}

/// Refuses what would end a suspension that somebody else created.
fn refuse_others(current: &[row::Suspension], actor: &str, path: &str) -> Result<(), Refusal> {
    let is_own = |it: &row::Suspension| it.actor.as_deref() == Some(actor);
    if current.iter().all(is_own) {
        return Ok(());
    }
    let message =
        "somebody else suspended this member: only an admin can replace or lift that suspension";
    Err(invalid(path, message))
}

async fn resume(editor: Editor, member: &str) -> Result<row::Member, Refusal> {
    let is_desk = editor.is_desk();
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = editor;
    let id = id_of(Kind::Member, "member", "member", member)?;
    let member = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let member = lookup::by_id::<row::Member>(tx, scope, id)
            .await?
            .ok_or_else(|| not_found("member", "member"))?;
        let suspensions = current(tx, scope, id, now).await?;
        if suspensions.is_empty() {
            return Err(invalid("member", "this member is not suspended"));
        }
        if is_desk {
            refuse_others(&suspensions, &actor, "member")?;
        }
        if member.erasure.is_some() {
            return Err(invalid("member", "this member is being erased"));
        }
        overrides::resume(tx, scope, id, now).await?;
        due::mark(
            tx,
            scope,
            [id],
            now,
            &due::Cause::enforced("the suspension was lifted").by(&actor),
        )
        .await?;
        let message = format!("The suspension of {} was lifted.", member.name);
        let entry = entry(row::HistoryKind::Resumed, id, actor, message);
        history::write(tx, scope, now, vec![entry]).await?;
        Ok::<_, Refusal>(member)
    })
    .await?;
    app.waker.wake(scope);
    Ok(member)
}

fn entry(kind: row::HistoryKind, member: Uuid, actor: String, message: String) -> Entry {
    Entry {
        kind,
        member: Some(member),
        target: None,
        cause: "a suspension".to_owned(),
        delivery: None,
        rule: None,
        actor: Some(actor),
        message,
    }
}
