"""Writes the keys that every sandbox of this machine uses into the directory named by the first argument.

ca.crt, apiserver.crt, apiserver.key: TLS of kube-apiserver on the loopback address; service-account.key: signs the
tokens of ServiceAccounts. They are made once, since an RSA key takes up to a second, and are worth nothing elsewhere:
what they protect listens on the loopback address and is thrown away.
"""

import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_FOR = datetime.timedelta(days=3650)


def write(directory, name, content):
    descriptor = os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def private_bytes(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def name_of(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(subject, key, issuer):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + VALID_FOR)
    )


def main(directory):
    os.makedirs(directory, mode=0o700, exist_ok=True)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = certificate("sandbox-ca", ca_key, "sandbox-ca").add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    key = ec.generate_private_key(ec.SECP256R1())
    server = (
        certificate("kube-apiserver", key, "sandbox-ca")
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]),
            critical=False,
        )
    )
    pem = serialization.Encoding.PEM
    write(directory, "ca.crt", ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    write(directory, "apiserver.crt", server.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    write(directory, "apiserver.key", private_bytes(key))
    write(
        directory, "service-account.key", private_bytes(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    )


main(sys.argv[1])
