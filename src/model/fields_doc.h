/*
 * What tables of fields say to people and to their editors: JSON Schemas (draft-07), lists of keys
 * for manual pages (mdoc(7)), and the defaults as YAML.  Rows without a doc are left out.
 */
#ifndef MF_MODEL_FIELDS_DOC_H
#define MF_MODEL_FIELDS_DOC_H

struct buf;
struct fields;

/* The schema of one object, without white space. */
void fields_add_schema(const struct fields *fields, struct buf *ret_json);

/* An .It for each key, from .Bl to .El. */
void fields_add_manual(const struct fields *fields, struct buf *ret_mdoc);

/* `key: default`, a line each, of those that have one. */
void fields_add_defaults(const struct fields *fields, struct buf *ret_yaml);

#endif
