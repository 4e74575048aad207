/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/limits.h - every ceiling, in one list.  A number that bounds input stands here or nowhere.
 */
#ifndef WASMXDS_BASE_LIMITS_H
#define WASMXDS_BASE_LIMITS_H

#define LIMIT_KIB 1024UL
#define LIMIT_MIB (1024UL * 1024UL)

/* documents: manifests, JSON */
#define LIMIT_MANIFEST_BYTES (4 * LIMIT_MIB) /* one file, all its documents */
#define LIMIT_MANIFEST_FILES 20000           /* in one folder */
#define LIMIT_MANIFEST_DOCUMENTS 20000       /* in one file */
#define LIMIT_NODE_DEPTH 64                  /* nesting of one document */
#define LIMIT_NODE_COUNT 200000              /* nodes of one file, aliases written out */
#define LIMIT_NODE_BYTES (16 * LIMIT_MIB)    /* text of one file, aliases written out */
#define LIMIT_YAML_TAGS 64                   /* %TAG directives of one file */
#define LIMIT_JSON_BYTES (8 * LIMIT_MIB)
#define LIMIT_JSON_DEPTH 64
#define LIMIT_JSON_VALUES 1000000  /* of one document: cJSON takes about 80 bytes for each */
#define LIMIT_JSON_NUMBER_BYTES 63 /* cJSON reads no longer one */
#define LIMIT_PROBLEMS 64          /* reported for one document; the rest is counted */

/* the WasmExtension */
#define LIMIT_NAME_BYTES 253         /* metadata.name, as Kubernetes */
#define LIMIT_NAMESPACE_BYTES 63     /* metadata.namespace, as Kubernetes */
#define LIMIT_URI_BYTES 2048         /* image.uri */
#define LIMIT_ID_BYTES 1024          /* vm_id, root_id */
#define LIMIT_CONFIG_BYTES LIMIT_MIB /* plugin_configuration, vm_configuration */
#define LIMIT_KEY_BYTES 253          /* a key of a Secret or ConfigMap */
#define LIMIT_ENVIRONMENT_NAMES 256  /* of each of environment's two fields */
#define LIMIT_ENVIRONMENT_NAME_BYTES 256
#define LIMIT_ENVIRONMENT_BYTES (256 * LIMIT_KIB) /* all of key_values */
#define LIMIT_CAPABILITIES 256                    /* the ABI has some 80 */
#define LIMIT_CAPABILITY_BYTES 128
#define LIMIT_DURATION_MS 86400000L /* a day */
#define LIMIT_DURATION_BYTES 64     /* as text */
#define LIMIT_TRACK_LEAST_MS 10000  /* image.interval */
#define LIMIT_REFETCH_BYTES 256     /* the annotation's value */

/* modules */
#define LIMIT_MODULE_BYTES (256 * LIMIT_MIB)
#define LIMIT_WASM_SECTIONS 4096
#define LIMIT_WASM_ENTRIES 100000 /* imports or exports of one module */
#define LIMIT_WASM_NAME_BYTES 65536
#define LIMIT_WASM_LIST_BYTES (16 * LIMIT_MIB) /* the import or the export section */
#define LIMIT_WASM_MEMORY_PAGES 16384          /* 1 GiB, as proxy-wasm-cpp-host */

/* fetch */
#define LIMIT_FETCH_WORKERS 16
#define LIMIT_FETCH_QUEUE 32768
#define LIMIT_FETCH_HOSTS 1024     /* that nobody asks at the moment, and what is known of them */
#define LIMIT_FETCH_HOST_RATE 1000 /* requests begun in a second */
#define LIMIT_REDIRECTS 5
#define LIMIT_HEADER_BYTES (256 * LIMIT_KIB)
#define LIMIT_SOURCE_BYTES 200 /* of a module's source, as a message names it */
#define LIMIT_FETCH_TRIES 20
#define LIMIT_REVISION_BYTES 255         /* what a source calls what it has; a longer one is none */
#define LIMIT_FETCH_LEAST_RATE 1024UL    /* bytes a second, over an idle timeout */
#define LIMIT_RETRY_AFTER_MS 3600000L    /* what a server may ask for */
#define LIMIT_ARCHIVE_ENTRIES 100000     /* of a tar that a module comes in */
#define LIMIT_ARCHIVE_OVERHEAD LIMIT_MIB /* of it, beside the bytes of the largest module */

/* OCI */
#define LIMIT_OCI_MANIFEST_BYTES (4 * LIMIT_MIB) /* a manifest or an index */
#define LIMIT_OCI_VALUES 100000                  /* JSON values of one of them */
#define LIMIT_OCI_LAYERS 256
#define LIMIT_OCI_ENTRIES 1024 /* manifests that an index lists */
#define LIMIT_OCI_INDEXES 2    /* one that names another, and no deeper */
#define LIMIT_MEDIA_TYPE_BYTES 255
#define LIMIT_REGISTRY_ERROR_BYTES (16 * LIMIT_KIB) /* of what it says of a push */
#define LIMIT_CHALLENGE_BYTES (8 * LIMIT_KIB)       /* one WWW-Authenticate header */
#define LIMIT_CHALLENGES 16
#define LIMIT_REALM_BYTES 2048
#define LIMIT_TOKEN_REPLY_BYTES (128 * LIMIT_KIB)
#define LIMIT_TOKEN_VALUES 1000 /* JSON values of one reply */
#define LIMIT_TOKEN_BYTES (32 * LIMIT_KIB)
#define LIMIT_DOCKER_CONFIG_BYTES LIMIT_MIB
#define LIMIT_DOCKER_CONFIG_VALUES 100000

/* AWS */
#define LIMIT_SIGV4_BYTES (64 * LIMIT_KIB)     /* of each document that is signed */
#define LIMIT_SIGV4_FIELDS 256                 /* headers, or query parameters, of a request */
#define LIMIT_AWS_TOKEN_BYTES (16 * LIMIT_KIB) /* one key, token or password */
#define LIMIT_AWS_NAME_BYTES 64                /* an error's or a role's name */
#define LIMIT_AWS_ANSWER_BYTES (64 * LIMIT_KIB)
#define LIMIT_AWS_FORM_BYTES (64 * LIMIT_KIB) /* what STS is asked with */
#define LIMIT_AWS_FILE_BYTES LIMIT_MIB        /* ~/.aws/config */
#define LIMIT_AWS_ECR_ENDPOINTS 64            /* whose passwords are kept */
#define LIMIT_AWS_BUCKETS 4096                /* whose regions are remembered */

/* webhook */
#define LIMIT_REVIEW_BYTES (7 * LIMIT_MIB)      /* two objects of the API server's 3 MB, and some */
#define LIMIT_REVIEW_BYTES_ALL (64 * LIMIT_MIB) /* of all reviews that come in at a time */
#define LIMIT_REVIEW_UID_BYTES 128
#define LIMIT_REVIEW_ANSWER_BYTES LIMIT_MIB
#define LIMIT_REVIEW_MESSAGE_BYTES (16 * LIMIT_KIB) /* all that is wrong with one object */
#define LIMIT_CHAIN_CERTIFICATES 16                 /* that the server shows */
#define LIMIT_WEBHOOK_FINDINGS 2048                 /* what images lead to, remembered */
#define LIMIT_WEBHOOK_WAITING 1024 /* reviews, for the API server's word on their users */
#define LIMIT_WARNING_BYTES 120    /* of one, as Kubernetes wants it */

/* store */
#define LIMIT_RECORD_BYTES (4 * LIMIT_MIB)
#define LIMIT_SEAL_KEYS 16
#define LIMIT_SEAL_FILE_BYTES (16 * LIMIT_KIB)
#define LIMIT_REFUSALS 4096                   /* remembered over all nodes */
#define LIMIT_REFUSALS_BYTES (16 * LIMIT_MIB) /* of a file that keeps them */
#define LIMIT_REFUSAL_KEY_BYTES 2048          /* version, resource, identity and node */

/* xds */
#define LIMIT_XDS_REQUEST_BYTES (4 * LIMIT_MIB)
#define LIMIT_XDS_RESPONSE_BYTES INT32_MAX /* protobuf's own */
#define LIMIT_XDS_NAMES 10000              /* subscribed on one stream */
#define LIMIT_XDS_NAME_BYTES 512           /* a longer one is no name of ours */
#define LIMIT_XDS_TEXT_BYTES LIMIT_KIB     /* that a client chose, in a report */
#define LIMIT_XDS_REASON_BYTES 1024        /* of a NACK, kept and logged */
#define LIMIT_PEM_BYTES LIMIT_MIB
#define LIMIT_POLICY_BYTES LIMIT_MIB
#define LIMIT_POLICY_RULES 10000
#define LIMIT_POLICY_NAMES 64 /* of one certificate */
#define LIMIT_ADMIN_CONNECTIONS 256
#define LIMIT_ADMIN_REQUEST_BYTES LIMIT_MIB
#define LIMIT_ADMIN_RESPONSE_BYTES (512 * LIMIT_MIB) /* a module in base64 */
#define LIMIT_PAGE_ROWS 100                          /* of one table of the status page */
#define LIMIT_PAGE_NAMES 8                           /* of one proxy, in a table of proxies */
#define LIMIT_XDS_METADATA_BYTES (16 * LIMIT_KIB)
#define LIMIT_XDS_CONNECTION_STREAMS 10000
#define LIMIT_XDS_QUESTIONS 64
#define LIMIT_XDS_STREAMS 100000 /* at a time */
#define LIMIT_XDS_WORKERS 4      /* threads that serve */
#define LIMIT_XDS_MAPPINGS 32768 /* allocations that are mapped one by one */
#define LIMIT_XDS_CHANGES 16384  /* of the store, named one by one */
#define LIMIT_XDS_NODE_BYTES 256 /* of node.id, kept and logged */

/* status */
#define LIMIT_STATUS_BYTES 4096        /* of one extension, as JSON */
#define LIMIT_STATUS_MESSAGE_BYTES 300 /* of a condition, and of a proxy's refusal */
#define LIMIT_STATUS_NODE_BYTES 128    /* of the proxy that refused */
#define LIMIT_EVENTS_AN_HOUR 8         /* Event objects of one extension */
#define LIMIT_EVENT_NOTE_BYTES 1024
#define LIMIT_EVENT_BYTES (16 * LIMIT_KIB)
#define LIMIT_PUBLISH_REQUESTS 16            /* under way at a time */
#define LIMIT_SUMMARY_BYTES (32 * LIMIT_MIB) /* of one xds pod */
#define LIMIT_SUMMARY_LINE (16 * LIMIT_KIB)
#define LIMIT_SUMMARY_NAMES 20000 /* extensions that somebody subscribes to */
#define LIMIT_SURVEY_HOSTS 64     /* --xds-admin */
#define LIMIT_SURVEY_PODS 256     /* addresses that they lead to */
#define LIMIT_SURVEY_REQUESTS 16  /* under way at a time */
#define LIMIT_LEASE_TEXT 255      /* a field of a Lease */
#define LIMIT_LEASE_BYTES (64 * LIMIT_KIB)

/* the API server */
#define LIMIT_KUBE_REPLY_BYTES (8 * LIMIT_MIB)  /* an answer that is kept whole */
#define LIMIT_KUBE_OBJECT_BYTES (8 * LIMIT_MIB) /* of a list or a watch; etcd takes 1.5 MiB */
#define LIMIT_KUBE_LIST_BYTES (64 * LIMIT_KIB)  /* of a list, beside its items */
#define LIMIT_KUBE_PAGE 500                     /* objects in one answer to a list */
#define LIMIT_KUBE_OBJECT_WATCHES 256    /* of Secrets and ConfigMaps; others are listed in turn */
#define LIMIT_KUBE_CALLS 32              /* lists of them at a time */
#define LIMIT_KUBE_OPENING 4             /* lists and watches that wait for their first byte */
#define LIMIT_KUBE_RETRY_AFTER_MS 60000L /* what the server may ask for */
#define LIMIT_KUBE_TOKEN_BYTES (32 * LIMIT_KIB)
#define LIMIT_KUBECONFIG_BYTES LIMIT_MIB

/* logs and flags */
#define LIMIT_LOG_LINE 4096
#define LIMIT_FLAG_LIST 1024

#endif
