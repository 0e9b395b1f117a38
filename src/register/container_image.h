/*
 * The reference of a Docker image, taken apart.  Pure.
 */
#ifndef MF_REGISTER_CONTAINER_IMAGE_H
#define MF_REGISTER_CONTAINER_IMAGE_H

/*
 * "registry:5000/team/web:1.2@sha256:..." is web and 1.2; with a digest alone the version is
 * sha256- and its first 12 digits, with neither latest.  ret_name is NULL for an image known by its
 * id alone.  Both are handed over.
 */
void container_parse_image(const char *image, const char *image_id, char **ret_name,
			   char **ret_version);

#endif
