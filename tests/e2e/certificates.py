# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, by openssl: an authority, and leaves that it signs."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A private authority in a folder."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.cert = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes"]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        openssl("req", "-x509", *curve, *subject, "-keyout", self.key, "-out", self.cert)

    def issue(self, name, *alternative_names, groups=()):
        """Makes (or replaces) name.pem and name.key; names are openssl's "URI:…" and "IP:…".

        groups: of the user that Kubernetes takes the certificate's holder for.
        """
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        new_key, new_cert = self.folder / f"{name}.newkey", self.folder / f"{name}.newpem"
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={name}"
        extensions.write_text("subjectAltName=" + ",".join(alternative_names or [f"DNS:{name}"]))
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", *curve, "-subj", subject, "-keyout", new_key, "-out", request)
        signer = ["-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "1"]
        openssl("x509", "-req", "-in", request, *signer, "-extfile", extensions, "-out", new_cert)
        new_key.replace(key)
        new_cert.replace(cert)
        return {"cert": cert, "key": key}
