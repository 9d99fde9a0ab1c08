//! GraphQL documents through all checks and the execution without an app, on a stack as large as that of the threads that serve
//! requests.

use std::sync::Arc;

use super::*;

const SERVING_STACK: usize = 2 << 20;

fn permitted_roles(checker: &Arc<DocumentChecker>, text: String) -> usize {
    let checker = checker.clone();
    let thread = std::thread::Builder::new().stack_size(SERVING_STACK);
    let checking = thread.spawn(move || checker.permitted_roles(&text));
    checking.unwrap().join().unwrap()
}

#[test]
fn documents_pass_the_checks_by_role_and_depth() {
    let checker = Arc::new(DocumentChecker::new().unwrap());
    let roles = |text: &str| permitted_roles(&checker, text.to_owned());
    assert_eq!(roles("{ viewer { role } }"), 5);
    // Closed to member sessions.
    assert_eq!(roles("{ sources { id } }"), 4);
    assert_eq!(roles("{ viewer { role }"), 0);
    let nested = |depth| nested("members { nodes { doors { ", "id", " } } }", depth);
    assert!(roles(&format!("{{ {} }}", nested(4))) > 0);
    assert_eq!(roles(&format!("{{ {} }}", nested(40))), 0);
    let doubled: String = (0..60)
        .map(|at| format!("fragment f{at} on Query {{ ...f{} ...f{0} }} ", at + 1))
        .collect();
    assert_eq!(
        roles(&format!(
            "{{ ...f0 }} {doubled} fragment f60 on Query {{ viewer {{ role }} }}"
        )),
        0
    );
}

#[test]
fn no_document_is_too_odd_for_the_checks() {
    let checker = Arc::new(DocumentChecker::new().unwrap());
    let part = prop::sample::select(vec![
        "{ ",
        " }",
        "members",
        "(first: 250)",
        "(after: $a)",
        " nodes",
        " ...f",
        "fragment f on Query ",
        "query Q",
        "($a: String)",
        "mutation ",
        "subscription ",
        "...on Member ",
        " viewer { role } ",
        "x: ",
        " @skip(if: true)",
        "__typename ",
        "\"\"\"",
        "[",
        ":",
    ]);
    let document = prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(256));
    let outcome = runner.run(&document, |document| {
        permitted_roles(&checker, document);
        Ok(())
    });
    outcome.unwrap();
}
