//! Members who have not accepted Kisi's invitation are listed as far as Kisi tells, and can be e-mailed again.

use serde_json::{Value, json};

use crate::support::{event::membership, world::World};

on_both!(pending_invitations_are_listed_and_sent_again);

async fn pending_invitations_are_listed_and_sent_again(world: &mut World) {
    for name in ["bob", "cid"] {
        world.sandbox.add_user(&format!("{name}@example.com"), name);
    }
    world.sandbox.set_accepted("bob@example.com", false, false);
    world.sandbox.set_accepted("cid@example.com", true, true);
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    for name in ["ada", "bob", "cid"] {
        let data = membership(&format!("m-{name}"), name);
        world.send(&source, "membership.updated", data).await;
    }
    world.settled().await;
    let account = world.account.clone().unwrap();
    let query = "query($account: ID!) { pendingInvitations(account: $account, first: 1) { totalCount nodes { member { email } state } }
        all: pendingInvitations(account: $account) { nodes { member { id email } state kisiId invitedAt } } }";
    let shown = world.api.query(query, json!({ "account": account })).await;
    assert_eq!(shown["pendingInvitations"]["totalCount"], 2);
    assert_eq!(
        shown["pendingInvitations"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let all = shown["all"]["nodes"].as_array().unwrap();
    let states: Vec<(&Value, &Value)> = all
        .iter()
        .map(|one| (&one["member"]["email"], &one["state"]))
        .collect();
    let expected = [
        (&json!("ada@example.com"), &json!("NEVER_USED")),
        (&json!("bob@example.com"), &json!("NOT_CONFIRMED")),
    ];
    assert_eq!(states, expected, "cid uses Kisi");
    assert!(all.iter().all(|one| one["invitedAt"].is_string()));
    let reader = world.api.token("READER").await;
    let refused = reader.query_raw(query, json!({ "account": account })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let before = world.sandbox.assignments_of("bob@example.com");
    let resend = async |member: &Value| {
        let arguments = [
            ("account", "ID!", json!(account)),
            ("member", "ID!", member.clone()),
        ];
        world
            .api
            .mutate_unchecked("resendInvitation", &arguments, "member { email }")
            .await
    };
    let sent = resend(&all[1]["member"]["id"]).await;
    assert_eq!(sent["member"]["email"], "bob@example.com");
    let calls = world.sandbox.calls();
    let notified: Vec<&Value> = calls
        .iter()
        .filter(|call| call.method == "PATCH" && call.path.starts_with("/role_assignments/"))
        .filter_map(|call| call.body.as_ref())
        .collect();
    let on = |notify: bool| json!({ "role_assignment": { "notify": notify } });
    assert_eq!(
        notified,
        [&on(true), &on(false)],
        "once, and not at later changes"
    );
    assert_eq!(
        world.sandbox.assignments_of("bob@example.com"),
        before,
        "the access is the same"
    );

    let suspend = json!({ "member": all[0]["member"]["id"], "reason": "a test" });
    let arguments = [("input", "SuspendMemberInput!", suspend)];
    world
        .api
        .mutate("suspendMember", &arguments, "__typename")
        .await;
    world.settled().await;
    let refused = resend(&all[0]["member"]["id"]).await;
    assert_eq!(refused["userErrors"][0]["field"], json!(["member"]));
    let refused = resend(&json!("nonsense")).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
}
