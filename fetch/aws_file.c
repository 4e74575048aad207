/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "fetch/aws_text.h"

int aws_file_read(struct buf *out, const char *path, struct err *err)
{
	/* /dev/null is a common way to say "no such file", so it need not be a regular one */
	AUTO(fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "%s", path);
	if (io_read(fd, out, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

int aws_file_secret(char **out, const char *path, const char *what, struct err *err)
{
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_TOKEN_BYTES);

	if (aws_file_read(&text, path, err) < 0) {
		(void)err_wrap(err, "%s", what);
		if (err->code == ERR_NOT_FOUND)
			err->code = ERR_INVALID; /* of the module, it would say */
		return -1;
	}
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (strlen(buf_text(&text)) != text.len || !aws_is_header_value(buf_text(&text)))
		return err_set(err, ERR_INVALID,
			"%s: %s must hold one line of printable characters and no more", what,
			path);
	*out = buf_take(&text);
	return 0;
}
