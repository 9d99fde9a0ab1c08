// The question why a person has access or has none.
import { graphql } from "../../gql";

export const PersonWhy = graphql(`
  query PersonWhy($member: ID!, $target: ID!, $at: DateTime, $asKnownAt: DateTime) {
    explain(member: $member, target: $target, at: $at, asKnownAt: $asKnownAt) {
      decision {
        allowed
        code
        at
        until
        message(audience: DESK)
      }
      nextChangeAt
      kisiProblem
      unlockRestrictions
      fixes {
        code
        by
        edge
        message(audience: DESK)
        rule {
          id
          name
        }
        offerings {
          id
          source {
            id
            name
          }
        }
      }
      suspension {
        id
        reason
        until
      }
      shares {
        id
        from
        until
        note
      }
      grants {
        id
        state
        problem
        validFrom
        validUntil
        target {
          __typename
          ... on Group {
            id
            name
          }
          ... on Place {
            id
            name
          }
          ... on KisiAccount {
            id
            name
          }
        }
      }
      rules {
        holds
        rule {
          id
          name
          summary
        }
        conditions {
          holds
          condition {
            __typename
          }
          because {
            id
            offering {
              id
              name
            }
          }
          nearMisses {
            code
            message
          }
        }
      }
    }
  }
`);
