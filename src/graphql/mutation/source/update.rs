//! Changes a source. What differs is recorded; secret and long settings by their names alone.

use super::{UpdateSourceInput, find, is_taken, options, platform_input, record_source};
use crate::{
    duration::format_duration,
    graphql::{
        error::{Refusal, checked, internal_error},
        input::{given::Given, signature_rule::SignatureRuleInput},
        mutation::{Editor, differences, id_of, name, name_taken},
    },
    id::Kind,
    secret::SecretKind,
    store::{ClubScope, Connection, clubs, due, readings, row, sources},
    transaction,
};

pub(super) async fn update(
    admin: Editor,
    input: UpdateSourceInput,
) -> Result<row::Source, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    checked! {
        id = id_of(Kind::Source, "input.source", "source", &input.source);
        new_name = input.name.as_deref().map(|text| name("input.name", text)).transpose();
        new_zone = Given::optional(input.time_zone.as_ref(), "input.timeZone");
        _read_every = Given::optional(input.read_every.as_ref(), "input.readEvery");
        new_rule = input.signature_rule.map(SignatureRuleInput::settings).transpose();
    }
    let sealer = app.sealer.clone();
    let source = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let mut source = find(tx, scope, id, "input.source").await?;
        let before = source.clone();
        if let Some(name) = new_name {
            if is_taken(tx, scope, &name, Some(id)).await? {
                return Err(name_taken("input.name", "source"));
            }
            source.name = name;
        }
        if let Some(zone) = new_zone
            && zone.0 != source.time_zone
        {
            source.time_zone = zone.0;
            // Dates without a time now begin and end at other instants.
            let name = &source.name;
            let description = format!("the time zone of the source “{name}” was changed");
            let cause = due::Cause::enforced(description);
            due::mark_source(tx, scope, id, now, &cause).await?;
        }
        let verification = |rule| platform_input::verification(source.signature, Some(rule));
        checked! {
            given = platform_input::credentials(source.platform, input.credentials);
            verification = new_rule.map(verification).transpose();
        }
        if let Some(given) = given {
            let sealed = sealer.seal(SecretKind::SourceCredentials, id, &given.to_text());
            source.credentials = Some(sealed.map_err(internal_error)?);
            let usual = platform_input::default_read_interval(source.platform);
            source.read_every_s.get_or_insert(usual);
            // The credentials are tried at once; what was read from an earlier account is no baseline for comparison.
            readings::request_full_read(tx, scope, id, now).await?;
        }
        let has = source.credentials.is_some();
        if let Some(every) = platform_input::read_every(input.read_every.as_ref(), has)? {
            read_every(tx, &mut source, every, now).await?;
        }
        if let Some((_, rule)) = verification {
            source.signature_rule = rule;
        }
        let options = options::Options {
            mapping: input.mapping,
            statuses: input.status_mappings,
            primary_members_only: input.primary_members_only,
            check_in: input.check_in,
        };
        if options.set(&mut source)? && has {
            // What was read is understood differently now.
            readings::request_full_read(tx, scope, id, now).await?;
        }
        sources::set(tx, &source).await?;
        if let Some(changes) = changes(&before, &source) {
            let message = format!("The source “{}” was changed: {changes}.", before.name);
            record_source(tx, scope, (&actor, now), message).await?;
        }
        Ok::<_, Refusal>(source)
    })
    .await?;
    app.waker.wake_with_readers(scope);
    Ok(source)
}

/// Sets the interval between readings, in seconds; the next one is due within it.
async fn read_every(
    connection: &impl Connection,
    source: &mut row::Source,
    every: i64,
    now: i64,
) -> Result<(), Refusal> {
    source.read_every_s = Some(every);
    let at = now.saturating_add(every.saturating_mul(1_000_000));
    let scope = ClubScope::new(source.club_id);
    Ok(readings::make_due_by(connection, scope, source.id, at).await?)
}

/// What was changed: values before and after, or for long and secret settings the name alone.
fn changes(before: &row::Source, after: &row::Source) -> Option<String> {
    let pair = |name, text: &dyn Fn(&row::Source) -> String| (name, text(before), text(after));
    let every = |source: &row::Source| {
        let seconds = source.read_every_s.and_then(|s| u64::try_from(s).ok());
        seconds.map_or_else(
            || "never".to_owned(),
            |seconds| format_duration(std::time::Duration::from_secs(seconds)),
        )
    };
    let replaced = |name, is_new: bool| {
        let text = |new: bool| if new { "new" } else { "old" }.to_owned();
        (name, text(false), text(is_new))
    };
    differences([
        pair("name", &|source| format!("“{}”", source.name)),
        pair("time zone", &|source| source.time_zone.clone()),
        pair("read every", &every),
        pair("primary members only", &|source| {
            source.primary_only.to_string()
        }),
        pair("check-in", &|source| source.check_in.to_string()),
        replaced("credentials", before.credentials != after.credentials),
        replaced("mapping", before.mapping != after.mapping),
        replaced(
            "signature rule",
            before.signature_rule != after.signature_rule,
        ),
        replaced(
            "status mappings",
            before.membership_statuses != after.membership_statuses,
        ),
    ])
}
