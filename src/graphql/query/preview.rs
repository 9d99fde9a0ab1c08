//! Queries that preview a rule change or managing a group. They change nothing. They evaluate all members, and their
//! complexity reflects that.

use access::Instant;
use async_graphql::{
    Context, Error, ErrorExtensions, ID, InputType, Name, Object, Result, Value, indexmap::IndexMap,
};
use uuid::Uuid;

use crate::{
    graphql::{
        context::{self, require_staff},
        error::{Refusal, UserError, bad_input, internal_error, list_error},
        group::StrangerPolicy,
        group_preview::GroupPreview,
        input::rule_change::{RuleChangeInput, proposal},
        kisi_error::of_kisi,
        mutation::group::unmanageable,
        node::AMBIGUOUS_KISI_NUMBER,
        preview::AccessPreview,
        scalar::DateTime,
    },
    id::Kind,
    preview::{self, PreviewToken, Proposal},
    reconcile::take_over::{self, ReadError},
    store::{
        kisi_names::{self, Resolved},
        listings::{self, MemberFilter},
        lookup,
        page::Listed,
        row,
    },
};

#[derive(Default)]
pub struct Previews;

#[Object(crate = "crate::graphql::resolve")]
impl Previews {
    /// Previews the effects of a rule change on all members. Changes nothing.
    #[graphql(complexity = "crate::graphql::page::capped_product(1, child_complexity) + 5_000")]
    async fn preview_rule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The change to preview.")] change: RuleChangeInput,
        #[graphql(desc = "The start of the preview: earlier access is ignored. Defaults to now.")]
        at: Option<DateTime>,
    ) -> Result<AccessPreview> {
        require_staff(context)?;
        preview_change(context, &change, at).await
    }

    /// Previews the effects of managing a group on the people who are in it in Kisi and on the members whom its rules grant
    /// access to. Reads the group from Kisi. Changes nothing. Requires an ADMIN token.
    #[graphql(complexity = "crate::graphql::page::capped_product(1, child_complexity) + 5_000")]
    async fn preview_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group: its id, Kisi's id or its URL in Kisi.")] group: ID,
        #[graphql(
            desc = "What happens to assignments that somebody else made and the rules do not require.",
            default_with = "StrangerPolicy::from(row::StrangerPolicy::Keep)"
        )]
        strangers: StrangerPolicy,
        #[graphql(
            desc = "The reading of an earlier preview, to page through it. If omitted, the group is read from Kisi."
        )]
        reading: Option<String>,
    ) -> Result<GroupPreview> {
        let scope = context::require_admin(context)?.scope;
        let app = context::app(context)?;
        let db = app.db.read();
        let named = kisi_names::resolve(db, scope, &[Kind::Group], &group).await;
        let group = match named.map_err(internal_error)? {
            Resolved::One(_, id) => lookup::by_id::<row::Group>(db, scope, id).await,
            Resolved::Nothing => Ok(None),
            Resolved::Several(_) => {
                return Err(bad_input(format!("group: {AMBIGUOUS_KISI_NUMBER}")));
            }
        };
        let group = group.map_err(internal_error)?;
        let group = group.ok_or_else(|| bad_input("group: no such group exists in this club"))?;
        let account = lookup::by_id::<row::KisiAccount>(db, scope, group.account_id).await;
        let account = account.map_err(internal_error)?;
        let account =
            account.ok_or_else(|| bad_input("group: its Kisi account no longer exists"))?;
        if let Some(problem) = unmanageable(&account, &group) {
            return Err(bad_input(format!("group: {problem}")));
        }
        evaluate_everybody(context, 2).await?;
        let reading = match reading {
            None => {
                // A connection that is opened here is used by other calls to Kisi later.
                let (of, at, read) = (app.clone(), account.clone(), group.clone());
                let read = async move { take_over::read(&of, &at, &read).await };
                let read = app.run_on_main_runtime(read).await;
                app.group_readings.keep(read.map_err(read_error)?)
            }
            Some(text) => {
                let id = Uuid::try_parse(&text).ok();
                let now = app.clock.now();
                let kept = id.and_then(|id| app.group_readings.get(id, group.id, now));
                kept.ok_or_else(|| {
                    bad_input("reading: it has expired; omit it to read the group from Kisi again")
                })?
            }
        };
        let strangers = row::StrangerPolicy::from(strangers);
        let turns = context::evaluations(context)?.turns();
        let preview = take_over::preview(app, account, &group, strangers, &reading, turns).await;
        let preview = preview.map_err(internal_error)?;
        let proposal = take_over::Proposal {
            group: group.id,
            strangers,
        };
        let basis = take_over::PreviewToken::of(&preview, proposal, app.clock.now());
        let based_on = basis.seal(&app.sealer, scope).map_err(internal_error)?;
        Ok(GroupPreview::new(preview, reading, based_on))
    }
}

/// The preview of a change of the rules, as `previewRule` gives it.
///
/// # Errors
/// If the change is invalid, or if the document has evaluated too many members.
pub(in crate::graphql) async fn preview_change(
    context: &Context<'_>,
    change: &RuleChangeInput,
    at: Option<DateTime>,
) -> Result<AccessPreview> {
    let (app, scope) = (context::app(context)?, context::caller(context)?.scope);
    let db = app.db.read();
    let now = app.clock.now();
    let at = at.map_or(now, |at| Instant::from_micros(at.0));
    let proposal = valid_proposal(context, change).await?;
    let evaluations = context::evaluations(context)?;
    let conditions = proposal.to.as_ref().map_or(0, |to| to.conditions.len());
    let each = 1 + u64::try_from(conditions).unwrap_or(u64::MAX);
    evaluate_everybody(context, each).await?;
    let turns = Some(evaluations.turns());
    let preview = preview::preview(db, scope, &proposal, at, turns).await;
    let preview = preview.map_err(internal_error)?;
    let preview = preview.ok_or_else(|| bad_input("change: the rule no longer exists"))?;
    let basis = PreviewToken::of(&preview, &proposal, now);
    let based_on = basis.seal(&app.sealer, scope).map_err(internal_error)?;
    Ok(AccessPreview::new(preview, based_on))
}

/// BAD_USER_INPUT for several fields: the message has all of them, `extensions.fields` each with its path, code and message.
fn bad_fields(mistakes: &[UserError]) -> Error {
    let path = |it: &UserError| it.field.clone().unwrap_or_default();
    let texts = mistakes
        .iter()
        .map(|it| format!("{}: {}", path(it).join("."), it.message));
    let texts: Vec<String> = texts.collect();
    let fields = mistakes.iter().map(|it| {
        let field = path(it).into_iter().map(Value::from).collect();
        Value::Object(IndexMap::from([
            (Name::new("field"), Value::List(field)),
            (Name::new("code"), it.code.to_value()),
            (Name::new("message"), Value::from(it.message.as_str())),
        ]))
    });
    let fields = Value::List(fields.collect());
    bad_input(texts.join("; "))
        .extend_with(|_, extensions| extensions.set("fields", fields.clone()))
}

/// An edit of a rule that was checked.
///
/// # Errors
/// BAD_USER_INPUT with the path of the field if it is invalid.
pub(super) async fn valid_proposal(
    context: &Context<'_>,
    change: &RuleChangeInput,
) -> Result<Proposal> {
    let (app, scope) = (context::app(context)?, context::caller(context)?.scope);
    let proposal = proposal(app.db.read(), scope, change, "change").await;
    proposal.map_err(|refusal| match refusal {
        Refusal::User(mistakes) => bad_fields(&mistakes),
        Refusal::Internal(error) => error,
    })
}

/// Counts one evaluation of all members, `each` times, towards the document's limit.
///
/// # Errors
/// TOO_COMPLEX if the limit is exceeded.
async fn evaluate_everybody(context: &Context<'_>, each: u64) -> Result<()> {
    let (app, scope) = (context::app(context)?, context::caller(context)?.scope);
    let evaluations = context::evaluations(context)?;
    let members = listings::members(scope, &MemberFilter::default());
    let members = members.count(&app.db).await.map_err(internal_error)?;
    let spent = evaluations.spend(&evaluations.begin(), members.saturating_mul(each));
    spent.map_err(list_error)
}

fn read_error(problem: ReadError) -> Error {
    match problem {
        ReadError::Kisi(problem) => of_kisi(&problem),
        secret @ ReadError::Secret(_) => internal_error(secret),
    }
}
