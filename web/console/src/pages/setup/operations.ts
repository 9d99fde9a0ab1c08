// What the set-up asks.
import { graphql } from "../../gql";

export const SetupState = graphql(`
  query SetupState {
    kisiAccounts {
      id
      name
      status
      problem
      listening
      lastReadAt
      backlog
      groups {
        id
        name
        managed
        strangers
        problem
        place { name }
        locks { id name }
        rules { id }
      }
    }
    sources {
      id
      name
      platform
      signature
      webhookUrl
      webhookPath
      lastDeliveryAt
      readEvery
      lastReadAt
      problems { kind message fixedBy }
    }
    rules(first: 0) { totalCount }
    members(first: 0) { totalCount }
    offerings(first: 0) { totalCount }
    tokens(first: 10) { nodes { name role } }
  }
`);

export const TakeOverPreview = graphql(`
  query TakeOverPreview($group: ID!, $strangers: StrangerPolicy!) {
    previewGroup(group: $group, strangers: $strangers) {
      basedOn
      readAt
      hasRule
      adoptedCount
      keptCount
      removedCount
      grantedCount
      adopted(first: 20) { nodes { ...GroupPersonParts } }
      kept(first: 20) { nodes { ...GroupPersonParts } }
      removed(first: 20) { nodes { ...GroupPersonParts } }
      granted(first: 20) { nodes { ...GroupPersonParts } }
    }
  }

  fragment GroupPersonParts on GroupPerson {
    name
    email
    member { id name }
    holds { from until }
    wanted { from until }
  }
`);

export const SetupDeliveries = graphql(`
  subscription SetupDeliveries($source: ID) {
    deliveries(source: $source) {
      id
    }
  }
`);

export const FirstDeliveries = graphql(`
  query FirstDeliveries($source: ID!) {
    deliveries(first: 3, filter: { source: $source }) {
      totalCount
      nodes { id eventType status problem receivedAt settledAt members { id name } }
    }
    rejectedRequests(source: $source) { count last { at code reason } }
  }
`);

export const Suggestions = graphql(`
  query Suggestions($source: ID!) {
    suggestRules(source: $source) {
      suggestions {
        group { id name managed }
        conditions { ...RuleCondition }
        input
        reason
        message
        existing { id name }
        preview { gainCount gains(first: 5) { nodes { member { id name } } } }
      }
      unknownGroups { kisiId message }
      ambiguousNames { message }
      itemGroups { message }
    }
  }
`);

export const FirstDoor = graphql(`
  query FirstDoor($group: ID!) {
    node(id: $group) {
      ... on Group {
        id
        name
        allowedMembers(first: 5) { totalCount nodes { id name doors { lock { id name } } } }
      }
    }
  }
`);
