/*
 * Trees as YAML, in block style: what is no number or truth value stands in double quotes.
 */
#ifndef MF_BASE_YAML_H
#define MF_BASE_YAML_H

struct buf;
struct node;

/* All of it; root is a map or a list. */
void yaml_add(const struct node *root, struct buf *ret_yaml);
/* One member of a map, as it stands in the outermost one. */
void yaml_add_member(const struct node *member, struct buf *ret_yaml);

#endif
